/**
 * Reader for ~/.ssh/config and /etc/ssh/ssh_config: it reads them into one list of lines and follows each `Include`,
 * which the ssh-config library itself does not do. Unaware of what the settings mean.
 *
 * `Match exec` is never true: it would run a program of unlimited duration inside the dispatcher.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import glob from 'fast-glob';
import SSHConfig, { LineType, type Directive, type Line, type Section } from 'ssh-config';
import { fail, ok, type Result } from '../../util/result.ts';

/** ssh's own limit. */
const MAX_INCLUDE_DEPTH = 16;
const GROUP_OR_OTHERS_WRITE = 0o022;

/** The settings that pmake uses; all others are removed before the library sees them. */
const HEEDED = [
  'Host',
  'Match',
  'Include',
  'HostName',
  'Port',
  'User',
  'IdentityFile',
  'IdentitiesOnly',
  'IdentityAgent',
  'UserKnownHostsFile',
  'GlobalKnownHostsFile',
  'HostKeyAlias',
  'ProxyCommand',
  'ProxyJump',
] as const;
type HeededSetting = Exclude<(typeof HEEDED)[number], 'Host' | 'Match' | 'Include'>;
/** ssh ignores the case of names, but the library does not do so everywhere. */
const SPELLING: ReadonlyMap<string, string> = new Map(HEEDED.map((name) => [name.toLowerCase(), name]));

/** Why a configuration file cannot be used. */
export interface SshConfigProblem {
  readonly file: string;
  readonly detail: string;
}

/** The settings for one host, in the order in which they were found: the first value of a name counts. */
export type SshConfigValues = Partial<Record<HeededSetting, string | readonly string[]>>;

/** Where the configuration files are. */
export interface SshConfigPlaces {
  readonly home: string;
  /** `/etc/ssh` */
  readonly systemDirectory: string;
}

interface Query {
  readonly host: string;
  readonly user: string | undefined;
}

/** The settings for the host of `query`. A file that does not exist counts as empty. */
export async function readSshConfig(
  query: Query,
  places: SshConfigPlaces,
): Promise<Result<SshConfigValues, SshConfigProblem>> {
  const reader = new ConfigReader(query);
  const sources: readonly Omit<LinePlace, 'file' | 'depth'>[] = [
    { directory: join(places.home, '.ssh'), isUsers: true },
    { directory: places.systemDirectory, isUsers: false },
  ];
  for (const source of sources) {
    const file = join(source.directory, source.isUsers ? 'config' : 'ssh_config');
    const problem = await reader.addFile({ ...source, file, depth: 0 });
    if (problem) return fail(problem);
  }
  return ok(reader.compute());
}

/** Where a line was read. `isUsers` marks the user's own files, which, as for ssh, others must not be able to write. */
interface LinePlace {
  readonly file: string;
  /** The base directory of relative Includes. */
  readonly directory: string;
  readonly isUsers: boolean;
  readonly depth: number;
}

const PROBE = 'PmakeProbe';

class ConfigReader {
  readonly #query: Query;
  /** Everything read so far, flattened: a section that contains an Include is split in two. */
  readonly #lines = new SSHConfig();

  constructor(query: Query) {
    this.#query = query;
  }

  compute(): SshConfigValues {
    return computeFor(this.#lines, this.#query);
  }

  async addFile(place: LinePlace): Promise<SshConfigProblem | undefined> {
    const { file } = place;
    if (place.depth > MAX_INCLUDE_DEPTH) return { file, detail: 'too many levels of Include' };
    const text = await readIfPresent(file);
    if (text === undefined) return undefined;
    if (place.isUsers && (await isOpenToOthers(file))) {
      return { file, detail: `others may write to it; chmod go-w ${file}` };
    }
    try {
      return await this.#addLines(SSHConfig.parse(text), place, undefined);
    } catch (cause) {
      return { file, detail: cause instanceof Error ? cause.message : String(cause) };
    }
  }

  /** Appends lines to the list, or to `section`, which must be its last entry. */
  async #addLines(
    lines: readonly Line[],
    place: LinePlace,
    section: Section | undefined,
  ): Promise<SshConfigProblem | undefined> {
    let open = section;
    for (const line of lines) {
      if (line.type !== LineType.DIRECTIVE) continue;
      const name = SPELLING.get(line.param.toLowerCase());
      if (name === undefined) continue;
      line.param = name;
      let problem: SshConfigProblem | undefined;
      if ('config' in line) {
        problem = await this.#addSection(line, place);
      } else if (name === 'Include') {
        problem = await this.#addIncluded(line, place);
        // The rest of the section must come after the included lines.
        if (open) open = this.#begin(open);
      } else {
        // HostName is expanded before the library sees it, because the library compares it with `Match host`.
        if (name === 'HostName' && typeof line.value === 'string') line.value = expandHostName(line.value, this.#query);
        (open ? open.config : this.#lines).push(line);
      }
      if (problem) return problem;
    }
    return undefined;
  }

  async #addSection(section: Section, place: LinePlace): Promise<SshConfigProblem | undefined> {
    const hasInclude = section.config.some((line) => line.type === LineType.DIRECTIVE && /^include$/i.test(line.param));
    // An Include counts only if its section applies, so this must be decided now.
    if (hasInclude && !this.#applies(section)) return undefined;
    return this.#addLines(section.config, place, this.#begin(section));
  }

  async #addIncluded(include: Directive, place: LinePlace): Promise<SshConfigProblem | undefined> {
    for (const file of await includedFiles(include, place.directory)) {
      const problem = await this.addFile({ ...place, file, depth: place.depth + 1 });
      if (problem) return problem;
    }
    return undefined;
  }

  #begin(section: Section): Section {
    const begun = { ...section, config: new SSHConfig() };
    this.#lines.push(begun);
    return begun;
  }

  #applies(section: Section): boolean {
    const lines = new SSHConfig();
    lines.push(...this.#lines, { ...section, config: SSHConfig.parse(`${PROBE} yes`) });
    return PROBE in computeFor(lines, this.#query);
  }
}

function computeFor(lines: SSHConfig, { host, user }: Query): SshConfigValues {
  return lines.compute(user === undefined ? { Host: host } : { Host: host, User: user }, { matchExec: false });
}

/** Expands the only tokens that HostName may contain. */
function expandHostName(value: string, { host }: Query): string {
  return value.replace(/%([%h])/g, (_, letter) => (letter === 'h' ? host : '%'));
}

async function includedFiles(include: Directive, directory: string): Promise<readonly string[]> {
  const patterns = typeof include.value === 'string' ? [include.value] : include.value.map(({ val }) => val);
  const files: string[] = [];
  for (const pattern of patterns) {
    const atHome = pattern.replace(/^~(?=\/)/, () => dirname(directory));
    const absolute = isAbsolute(atHome) ? atHome : join(directory, atHome);
    // Like glob(3): no braces, no extended patterns, sorted.
    const found = await glob(absolute, { braceExpansion: false, extglob: false, globstar: false, dot: false });
    files.push(...found.sort());
  }
  return files;
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    // ssh skips files that it cannot read.
    return undefined;
  }
}

async function isOpenToOthers(file: string): Promise<boolean> {
  const { uid, mode } = await stat(file);
  const isTrusted = uid === 0 || uid === process.getuid?.();
  return !isTrusted || (mode & GROUP_OR_OTHERS_WRITE) !== 0;
}
