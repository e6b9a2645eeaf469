/**
 * Undoes, on the node and after the compile, what rewriting left in depfiles and messages.
 * Unaware of processes and files: bytes in, bytes out.
 */

/** The depfiles of a job that hold rewritten names, absolute. Empty when `restore` is ''. */
export function depfilesToRestore(restore: string): readonly string[] {
  void restore;
  return [];
}

/** The depfile as a local compile would have written it; undefined when it is that already. */
export function restoreDepfile(restore: string, path: string, bytes: Buffer): Buffer | undefined {
  void [restore, path, bytes];
  return undefined;
}

/** Messages (all of one stream at once) with rewritten names as the user wrote them. */
export function restoreDiagnostics(restore: string, bytes: Buffer): Buffer {
  void restore;
  return bytes;
}
