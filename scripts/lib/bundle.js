/**
 * Puts each program whose start somebody waits for into one file, dist/cli/NAME.cjs: Node finds, reads and links a
 * module in half a millisecond, and pmake has seventy. CommonJS, because Node's loader of modules costs a start of its
 * own. What a program loads on demand lies beside it as NAME-PART.cjs. Unaware of types: tsc has checked them.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const PROGRAMS = ['pmake', 'dispatcher', 'worker'];
/**
 * Packages that stay where npm put them, and load the same either way: CommonJS without a form for modules beside it, or
 * loaded by import(). The others are modules, which not every Node that we run on can require.
 */
const APART = ['ssh2', 'fast-glob', 'ora'];
const root = fileURLToPath(new URL('../..', import.meta.url));
const dir = join(root, 'dist', 'cli');

for (const name of PROGRAMS) {
  const bundle = await rolldown({
    input: join(root, 'src', 'cli', `${name}.ts`),
    platform: 'node',
    external: APART,
  });
  await bundle.write({ dir, format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: `${name}-[name].cjs` });
  await bundle.close();
  // tsc's: the same program, and nobody's.
  for (const suffix of ['js', 'js.map']) rmSync(join(dir, `${name}.${suffix}`), { force: true });
}
