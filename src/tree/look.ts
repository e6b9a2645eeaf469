/**
 * The submit host's file system as the command line model looks at it: response files, thin archives, kinds of files.
 * Synchronous, because a command line is read in one go; each look is a system call or two on what make just touched.
 */
import { closeSync, constants, openSync, readFileSync, readSync, statSync } from 'node:fs';
import type { Look } from '../command/plan.ts';

/** Response files are lists of words; larger is something else. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

export const fileLook: Look = {
  readText(path) {
    try {
      const stats = statSync(path);
      return stats.isFile() && stats.size <= MAX_TEXT_BYTES ? readFileSync(path, 'utf8') : undefined;
    } catch {
      // Missing or unreadable: the program that was given the name will say so in its own words.
      return undefined;
    }
  },
  readHead(path, lengthBytes) {
    let fd;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const head = Buffer.alloc(lengthBytes);
      return head.subarray(0, readSync(fd, head, 0, lengthBytes, 0));
    } catch {
      return undefined;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  },
  kind(path) {
    try {
      const stats = statSync(path, { throwIfNoEntry: false });
      if (!stats) return 'missing';
      if (stats.isFile()) return 'file';
      return stats.isDirectory() ? 'directory' : 'other';
    } catch {
      // A loop of links, a name too long, a closed directory: the compiler here says it best.
      return 'other';
    }
  },
};
