/** A file system of a few names, for plans. */
import type { Look } from '../../src/command/plan.ts';

/** `files`: absolute path to contents. A path that ends in `/` is a directory; `/dev/...` are devices. */
export function fakeLook(files: Readonly<Record<string, string | Buffer>> = {}): Look {
  return {
    kind(path) {
      if (path.startsWith('/dev/')) return 'other';
      if (`${path}/` in files) return 'directory';
      return path in files ? 'file' : 'missing';
    },
    readText: (path) => files[path]?.toString(),
    readHead(path, lengthBytes) {
      const content = files[path];
      return content === undefined ? undefined : Buffer.from(content).subarray(0, lengthBytes);
    },
    driverSays: () => undefined,
  };
}

/** Every name that looks like a source is there. */
export const sourcesExist: Look = {
  kind(path) {
    if (path.startsWith('/dev/')) return 'other';
    return /\.(c|cc|cpp|cxx|C|m|S|s|i|ii|h)$/.test(path) ? 'file' : 'missing';
  },
  readText: () => undefined,
  readHead: () => undefined,
  driverSays: () => undefined,
};
