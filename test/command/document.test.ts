/** docs/command-lines.md names every reason, and no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeReason } from '../../src/command/local-reasons.ts';

const ROOT = join(import.meta.dirname, '../..');

it('explains every reason there is, in its table', () => {
  const source = readFileSync(join(ROOT, 'src/command/local-reasons.ts'), 'utf8');
  const reasons = [...source.matchAll(/^ {2}'?([a-z-]+)'?:\s+['"{]/gm)].map(([, name = '']) => name);
  expect(reasons.length).toBeGreaterThan(30);
  for (const reason of reasons) expect(describeReason(reason)).not.toBe(reason);
  const document = readFileSync(join(ROOT, 'docs/command-lines.md'), 'utf8');
  const firstCells = document.match(/^\| `.*?\|/gm) ?? [];
  const named = firstCells.flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, name = '']) => name));
  expect(named.sort()).toEqual(reasons.sort());
});
