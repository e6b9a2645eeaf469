/**
 * A compiler's own search path for headers, as reported by its driver: existing directories, missing ones (which
 * another machine may have), and files from its own directories. Unaware of who compares the answers.
 */
import { dirname, join } from 'node:path';
import type { OwnSearchQuestion } from '../../protocol/header-inspection.ts';
import { askProgram } from '../ask-program.ts';

const LIST_START = /^#include (?:"\.\.\."|<\.\.\.>) search starts here:$/;
const LIST_END = /^End of search list\.$/;
/** A directory for headers of frameworks. */
const FRAMEWORK = / \(framework directory\)$/;
const ABSENT = /^ignoring nonexistent directory "(.*)"$/;
const SETTINGS = /^Configuration file: (\/.*)$/;
/** clang uses the newest of these. */
const INSTALLATION = /^Found candidate GCC installation: (\/.*)$/;
const CLANG = /^clang -cc1 version /m;

/** The search path of one compiler. */
export interface OwnSearchPath {
  /** False if the driver could not answer this time: too slow, killed, or no resources to start it. */
  readonly isAnswered: boolean;
  readonly directories: readonly string[];
  readonly absent: readonly string[];
  readonly files: readonly string[];
  /** Directories in which another installation would change the answer. */
  readonly installations: readonly string[];
}

/** Asks a driver for its search path. */
export async function ownSearchPath(question: OwnSearchQuestion): Promise<OwnSearchPath> {
  const { program, searchPath, language, words, environment, ownFiles } = question;
  const env = { ...environment, PATH: searchPath };
  const ask = (more: readonly string[]) => askProgram(program, [...words, ...more], env);
  const answer = await ask(['-E', '-v', '-x', language, '/dev/null']);
  // If this fails, so does the compile, on either host.
  const found = parseSearchPath(answer.stderr);
  if (!answer.isWell) return { isAnswered: answer.isAnswered, ...found };
  // With -fsanitize, clang also reads ignore lists from there.
  const resources = CLANG.test(answer.stderr) ? (await ask(['-print-resource-dir'])).stdout.trim() : '';
  const named = await Promise.all(
    ownFiles.map(async (name) => (await ask([`-print-file-name=${name}`])).stdout.trim()),
  );
  return {
    ...found,
    isAnswered: true,
    directories: [...found.directories, ...(resources === '' ? [] : [join(resources, 'share')])],
    // If a driver does not find a file, it prints the bare name.
    files: [...found.files, ...named.filter((path) => path.startsWith('/'))],
  };
}

/** Parses what a driver prints on stderr for `-E -v`. Pure. */
export function parseSearchPath(text: string): Omit<OwnSearchPath, 'isAnswered'> {
  const [directories, absent, files, installations]: [string[], string[], string[], string[]] = [[], [], [], []];
  let isInList = false;
  for (const line of text.split('\n')) {
    if (LIST_START.test(line)) isInList = true;
    else if (LIST_END.test(line)) isInList = false;
    else if (isInList && line.startsWith(' ')) directories.push(line.slice(1).replace(FRAMEWORK, ''));
    const missing = ABSENT.exec(line)?.[1];
    if (missing !== undefined) absent.push(missing);
    const settings = SETTINGS.exec(line)?.[1];
    if (settings !== undefined) files.push(settings);
    const installation = INSTALLATION.exec(line)?.[1];
    if (installation !== undefined) installations.push(dirname(installation));
  }
  const unique = (names: readonly string[]): string[] => [...new Set(names)];
  return {
    directories: unique(directories),
    absent: unique(absent),
    files: unique(files),
    installations: unique(installations),
  };
}
