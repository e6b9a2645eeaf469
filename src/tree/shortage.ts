/** Recognises failures that say nothing about a file and may be temporary. Unaware of files. */

/** Descriptors of this process or of the machine, memory, file locks. */
const SHORTAGES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS']);

/** True if this process or machine is short of a resource: the answer is unknown, and the caller should ask again. */
export function isShortage(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && SHORTAGES.has(cause.code);
}
