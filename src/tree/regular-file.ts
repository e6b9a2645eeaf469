/**
 * Opens regular files only. Opening a FIFO for reading unblocks its writer, and closing it kills that writer with
 * SIGPIPE; opening a device may rewind a tape. Therefore a name is checked before opening, and the opened file again
 * afterwards. Unaware of what files are for.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';

/**
 * Non-blocking in case a FIFO takes the file's name between check and open; NOCTTY so that no terminal becomes ours.
 */
const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** An opened file. */
export interface OpenedFile {
  /** The caller must close it. */
  readonly file: number;
  readonly stats: Stats;
}

/**
 * Opens a file, following links; undefined if there is no regular file. Blocking.
 * @throws the error of open(2)
 */
export function openRegularFileNow(path: string): OpenedFile | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  const file = openSync(path, READ_AT_ONCE);
  const stats = fstatSync(file);
  if (stats.isFile()) return { file, stats };
  closeSync(file);
  return undefined;
}

/** Calls `use` with a descriptor of the file, following links; undefined if there is no readable regular file. */
export function withRegularFile<T>(path: string, use: (file: number, stats: Stats) => T): T | undefined {
  let opened: OpenedFile | undefined;
  try {
    opened = openRegularFileNow(path);
    return opened && use(opened.file, opened.stats);
  } catch {
    // Missing, inaccessible, or a transient error of the file server: the program that was given the name will report
    // it.
    return undefined;
  } finally {
    if (opened) closeSync(opened.file);
  }
}

/**
 * The first `lengthBytes` bytes of a file, or fewer if it is shorter; undefined if there is no readable regular file.
 */
export function readHead(path: string, lengthBytes: number): Buffer | undefined {
  return withRegularFile(path, (file, { size }) => {
    // No larger than the file: a few large buffers for each archive of a build made the garbage collector run.
    const head = Buffer.allocUnsafe(Math.min(lengthBytes, size));
    return head.subarray(0, readSync(file, head, 0, head.length, 0));
  });
}

/**
 * Opens a file, which the caller must close; undefined if there is no regular file.
 *
 * A name that stat does not find is opened nevertheless: on NFS, opening asks the server, while stat may answer from a
 * cache.
 * @param flags - of open(2)
 * @throws the error of open(2)
 */
export async function openRegularFile(path: string, flags = READ_AT_ONCE): Promise<FileHandle | undefined> {
  const seen = await stat(path).catch(() => undefined);
  if (seen && !seen.isFile()) return undefined;
  const file = await open(path, flags);
  const isRegular = await file.stat().then(
    (stats) => stats.isFile(),
    () => false,
  );
  if (isRegular) return file;
  await file.close();
  return undefined;
}

/** The file's contents; undefined if there is no readable regular file. */
export async function readRegularFile(path: string): Promise<Buffer | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await openRegularFile(path);
    return await file?.readFile();
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

/**
 * All of a file that others may replace at any moment; undefined if there is no readable regular file of at most
 * `maxBytes` bytes under the name itself. Links are not followed, and no more is read than that, whatever becomes of it.
 */
export function readUntrustedFile(path: string, maxBytes: number): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, READ_AT_ONCE | constants.O_NOFOLLOW);
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > maxBytes) return undefined;
    const bytes = Buffer.allocUnsafe(stats.size);
    return readSync(file, bytes, 0, bytes.length, 0) === bytes.length ? bytes : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
