/** Failures that say nothing about a file, and may be over in a moment. Unaware of files. */

/** Descriptors of this process and of the machine, memory, file locks. */
const SHORTAGES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS']);

/** This process or machine is short of something: what was asked is not known, and to be asked again. */
export function isShortage(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && SHORTAGES.has(cause.code);
}
