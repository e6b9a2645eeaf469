/**
 * Bundles each program that must start fast into one file, dist/cli/NAME.cjs: Node takes half a millisecond to find,
 * read and link a module, and pmake has seventy. The format is CommonJS, because Node's loader of ES modules takes
 * additional time to start. Modules that are loaded on demand are next to it as NAME-PART.cjs. Unaware of types: tsc
 * has checked them.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const PROGRAMS = ['pmake', 'dispatcher', 'worker'];
/**
 * Packages that are not bundled. They are CommonJS without a separate form for ES modules, or are loaded by import().
 * The others are ES modules, which not every supported Node can require.
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
  // tsc's output of the same program is unused.
  for (const suffix of ['js', 'js.map']) rmSync(join(dir, `${name}.${suffix}`), { force: true });
}
