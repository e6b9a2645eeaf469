/**
 * Opens regular files, and nothing else: to open a FIFO for reading already lets its writer go on, and to close it again
 * ends that writer with SIGPIPE; to open a device may rewind a tape. So a name is looked at first, and what was opened
 * is looked at again. Unaware of what files are for.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';

/** Non-blocking, for a FIFO that takes the file's name between the look and the open; no terminal becomes ours. */
const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

export interface OpenedFile {
  /** For the caller to close. */
  readonly file: number;
  readonly stats: Stats;
}

/**
 * The file, opened, links followed; undefined where there is no regular file. Blocks.
 * @throws what open(2) says against it
 */
export function openRegularFileNow(path: string): OpenedFile | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  const file = openSync(path, READ_AT_ONCE);
  const stats = fstatSync(file);
  if (stats.isFile()) return { file, stats };
  closeSync(file);
  return undefined;
}

/** Calls `use` with a descriptor of the file, links followed; undefined where there is no regular file to be read. */
export function withRegularFile<T>(path: string, use: (file: number, stats: Stats) => T): T | undefined {
  let opened: OpenedFile | undefined;
  try {
    opened = openRegularFileNow(path);
    return opened && use(opened.file, opened.stats);
  } catch {
    // Missing, closed to us, a moment of the file server's: the program that was given the name says it in its own words.
    return undefined;
  } finally {
    if (opened) closeSync(opened.file);
  }
}

/** The file's first `lengthBytes` bytes, fewer at its end; undefined where there is no regular file to be read. */
export function readHead(path: string, lengthBytes: number): Buffer | undefined {
  return withRegularFile(path, (file, { size }) => {
    // No more than there is: freshly made large buffers, a few for each archive of a build, made the collector run.
    const head = Buffer.allocUnsafe(Math.min(lengthBytes, size));
    return head.subarray(0, readSync(file, head, 0, head.length, 0));
  });
}

/**
 * The file, opened; the caller closes it. Undefined where there is no regular file.
 *
 * A name that a look does not find is opened all the same: on NFS, opening asks the server where a look is answered from
 * a cache.
 * @param flags of open(2)
 * @throws what open(2) says against it
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

/** The file's contents; undefined where there is no regular file to be read. */
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
