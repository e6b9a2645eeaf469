/** Where a compiler driver looks for the programs that it starts. Unaware of nodes. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDirectory } from '../../tree/watched-directories.ts';

/** Subdirectories of a `-B` directory that are examined: one for each machine type. */
const MAX_MACHINES = 16;
/** The programs that a driver starts for a compile. */
const PROGRAMS = ['as', 'cc1', 'cc1plus', 'cc1obj', 'cc1objplus', 'objcopy'] as const;

/** Paths at which a driver looks for its programs, for one prefix. */
export function programsAt(prefix: string): string[] {
  if (!isDirectory(prefix)) {
    return PROGRAMS.map((program) => join(dirname(prefix), basename(prefix) + program));
  }
  const machines = subdirectories(prefix).filter((name) => name.includes('-'));
  return [prefix, ...machines.slice(0, MAX_MACHINES).map((name) => join(prefix, name))].flatMap((directory) =>
    PROGRAMS.map((program) => join(directory, program)),
  );
}

function subdirectories(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
