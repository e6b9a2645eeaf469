import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeJsonFailure, parseJson, readJsonFile } from '../../src/util/parse-json.ts';

const SCHEMA = v.object({
  nodes: v.array(v.object({ slots: v.number() })),
  names: v.exactOptional(v.record(v.string(), v.number())),
});

describe('JSON from outside', () => {
  test('is what the schema has of it', () => {
    expect(parseJson('{"nodes":[{"slots":1,"more":2}],"__proto__":3}', SCHEMA)).toEqual({
      ok: true,
      value: { nodes: [{ slots: 1 }] },
    });
  });

  test.each([
    ['', 'not JSON'],
    ['{"nodes":', 'not JSON'],
    ['null', 'it is wrong'],
    ['{}', 'nodes is wrong'],
    ['{"nodes":[{"slots":1},{"slots":"1"}]}', 'nodes.1.slots is wrong'],
    ['{"nodes":[],"names":{"\\u001b[2J":"x"}}', 'names.\\u001b[2J is wrong'],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'nodes is wrong'],
  ])('is refused with the place that is wrong: %.40s', (text, clause) => {
    const parsed = parseJson(text, SCHEMA);
    expect(!parsed.ok && describeJsonFailure(parsed.failure)).toBe(clause);
  });

  test.each(['-0', '[-0]', '{"a": -0.0, "b":[1,-0e5]}', '-1e-999'])('has no negative zero: %s', (text) => {
    const parsed = parseJson(text, v.unknown());
    expect(parsed.ok && JSON.stringify(parsed.value)).not.toContain('-');
    expect(parsed).toEqual({ ok: true, value: JSON.parse(text.replaceAll(/-[\d.e-]+/g, '0')) as unknown });
  });

  test('keeps other negative numbers, and text that looks like one', () => {
    expect(parseJson('[-1,-0.5,"a -0"]', v.unknown())).toEqual({ ok: true, value: [-1, -0.5, 'a -0'] });
  });

  test('names no place at length', () => {
    const parsed = parseJson(`{"nodes":[],"names":{"${'n'.repeat(1_000)}":"x"}}`, SCHEMA);
    expect(!parsed.ok && describeJsonFailure(parsed.failure).length).toBeLessThan(120);
  });
});

describe('a file of ours', () => {
  const WELL = '{"nodes":[]}';
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pmake-json-'));
    path = join(directory, 'state.json');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const read = () => readJsonFile(path, SCHEMA, 100);

  test('is read', () => {
    writeFileSync(path, WELL, { mode: 0o600 });
    expect(read()).toEqual({ nodes: [] });
  });

  test.each<[string, () => void]>([
    ['is missing', () => undefined],
    ['is spoilt', () => writeFileSync(path, WELL.slice(0, 5))],
    ['is too long', () => writeFileSync(path, WELL.padEnd(101))],
    ['is a directory', () => mkdirSync(path)],
    ['is a FIFO without a writer', () => execFileSync('mkfifo', [path])],
    [
      'others may write',
      () => {
        writeFileSync(path, WELL);
        chmodSync(path, 0o622);
      },
    ],
  ])('counts as none where it %s', (_, make) => {
    make();
    expect(read()).toBeUndefined();
  });

  test.skipIf(process.getuid?.() !== 0)('counts as none where it belongs to another user', () => {
    writeFileSync(path, WELL, { mode: 0o600 });
    execFileSync('chown', ['65534', path]);
    expect(read()).toBeUndefined();
  });
});
