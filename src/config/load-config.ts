/**
 * Loads the configuration in force. PMAKE_NODES takes precedence over the user's file, and that over the machine's, for
 * each setting separately. Unaware of when to reload (config-watch.ts) and of what the settings do.
 */
import { join } from 'node:path';
import { configDirectory, type Environment } from '../util/own-directories.ts';
import { openRegularFile } from '../tree/regular-file.ts';
import { fail, ok, type Result } from '../util/result.ts';
import { NODES_VARIABLE, parseNodes } from './parse-nodes.ts';
import type { ConfigProblem, FileProblem } from './problem.ts';
import { checkConfig, type Config } from './schema.ts';

const SYSTEM_FILE = '/etc/pmake/config.json';
/** A configuration of a thousand nodes takes 100 KB; a larger file is not a configuration. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
/** What open(2) reports for a file that does not exist. */
const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);

export type { Config };

/** The config files in order of precedence, highest first. */
export function configFiles(env: Environment, systemFile = SYSTEM_FILE): readonly string[] {
  return [join(configDirectory(env), 'config.json'), systemFile];
}

/** Reads the settings again. A missing file is not a mistake. Only tests pass a `systemFile`. */
export async function loadConfig(env: Environment, systemFile = SYSTEM_FILE): Promise<Result<Config, ConfigProblem>> {
  const read = await readConfigFiles(configFiles(env, systemFile));
  if (!read.ok) return read;
  let settings = read.value;
  const text = env[NODES_VARIABLE];
  if (text !== undefined) {
    const nodes = parseNodes(text);
    if (!nodes.ok) return nodes;
    settings = { ...settings, nodes: nodes.value };
  }
  return ok({ nodes: [], ...settings });
}

/** The settings in the files, which are given in order of precedence, highest first. */
export async function readConfigFiles(files: readonly string[]): Promise<Result<Partial<Config>, ConfigProblem>> {
  let settings: Partial<Config> = {};
  for (const file of files) {
    const read = await readConfigFile(file);
    if (!read.ok) return read;
    settings = { ...read.value, ...settings };
  }
  return ok(settings);
}

async function readConfigFile(file: string): Promise<Result<Partial<Config>, ConfigProblem>> {
  const read = await readText(file).catch(unreadable);
  if (!read.ok) {
    const isMissing = read.failure.kind === 'unreadable' && MISSING.has(read.failure.code);
    return isMissing ? ok({}) : fail({ file, ...read.failure });
  }
  const value = parseText(read.value);
  if (!value.ok) return fail({ file, ...value.failure });
  const checked = checkConfig(value.value);
  return checked.ok ? checked : fail({ file, ...checked.failure });
}

function unreadable(cause: unknown): Result<string, FileProblem> {
  return fail({ kind: 'unreadable', code: (cause as NodeJS.ErrnoException).code ?? String(cause) });
}

/** Reads at most one byte more than the limit. Does not block on a FIFO or read a device. */
async function readText(path: string): Promise<Result<string, FileProblem>> {
  const file = await openRegularFile(path);
  if (!file) return fail({ kind: 'not-regular-file' });
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, MAX_CONFIG_BYTES + 1));
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return ok(buffer.toString('utf8', 0, length));
  } finally {
    await file.close();
  }
}

/** Derives line and column from the offset in JSON.parse's message, if there is one. */
function parseText(text: string): Result<unknown, FileProblem> {
  if (text.length > MAX_CONFIG_BYTES) return fail({ kind: 'too-long', maxCharacters: MAX_CONFIG_BYTES });
  // Editors may add a byte order mark, which is not part of the text.
  const json = text.replace(/^\uFEFF/, '');
  if (json.trim() === '') return fail({ kind: 'empty' });
  try {
    return ok(JSON.parse(json) as unknown);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const offset = /at position (\d+)/.exec(message)?.[1];
    if (offset === undefined) return fail({ kind: 'not-json', error: message });
    const before = json.slice(0, Number(offset)).split('\n');
    const place = { line: before.length, column: (before.at(-1) ?? '').length + 1 };
    return fail({ kind: 'not-json', error: message.replace(/ (in JSON )?at position.*$/s, ''), place });
  }
}
