/** Parser for the flags of a benchmark: numbers, and --write. Unaware of what they mean. */
import { parseArgs } from 'node:util';

/**
 * Parses the flags. Ends the program with a usage line if --help is among them, or if one is invalid.
 * @template {Record<string, number>} T
 * @param {string} name of the script
 * @param {T} defaults whole numbers, 1 or more
 * @returns {T & { write: boolean }}
 */
export function readFlags(name, defaults) {
  const shown = Object.entries(defaults).map(([flag, value]) => `[--${flag} ${value}]`);
  const usage = `usage: scripts/${name} ${[...shown, '[--write]'].join(' ')}\n`;
  try {
    const numbers = Object.keys(defaults).map((flag) => [flag, { type: /** @type {const} */ ('string') }]);
    const { values } = parseArgs({
      options: { ...Object.fromEntries(numbers), write: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    const { write = false, help = false, ...given } = values;
    if (help) {
      process.stdout.write(usage);
      process.exit(0);
    }
    const chosen = {
      ...defaults,
      ...Object.fromEntries(Object.entries(given).map(([flag, word]) => [flag, Number(word)])),
    };
    const wrong = Object.keys(chosen).find((flag) => !(Number.isInteger(chosen[flag]) && (chosen[flag] ?? 0) >= 1));
    if (wrong !== undefined) throw new Error(`--${wrong} must be a whole number, 1 or more`);
    return { ...chosen, write: Boolean(write) };
  } catch (cause) {
    process.stderr.write(`${name}: ${cause instanceof Error ? cause.message : String(cause)}\n${usage}`);
    process.exit(2);
  }
}
