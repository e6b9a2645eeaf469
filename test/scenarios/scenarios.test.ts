import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatScenario, parseScenario, Scenario } from './scenario.ts';

const folder = new URL('.', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

it.each(files)('%s', (name) => {
  const file = new URL(name, folder);
  const scenario = new Scenario();
  const blocks = parseScenario(readFileSync(file, 'utf8'));
  const done = blocks.map((block) => ({ ...block, output: scenario.run(block.commands) }));
  if (process.env.PMAKE_UPDATE !== undefined) writeFileSync(file, formatScenario(done));
  else for (const { line, output, expected } of done) expect(output, `${name}:${line}`).toEqual(expected);
  expect(blocks.length).toBeGreaterThan(0);
});
