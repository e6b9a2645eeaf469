/**
 * Decoder of inspection.ts and header-inspection.ts: JSON inside a frame of the worker protocol. A node's answers come
 * from another machine and are checked as such. Its questions come from a process that may start any program there;
 * they are checked so that a broken dispatcher is noticed. Unaware of connections.
 */
import * as v from 'valibot';
import { MalformedError } from '../util/bytes.ts';
import { describeJsonFailure, parseJson } from '../util/parse-json.ts';
import {
  MAX_ENTRIES,
  MAX_HEADER_DIRECTORIES,
  type EntriesFacts,
  type HeadersFacts,
  type PackageFacts,
} from './header-inspection.ts';
import { MAX_MOUNTS_BELOW, type Findings, type Inspection, type MountFacts, type TreeFacts } from './inspection.ts';

/** Limit for one field; a compiler prints about 2 KB about itself. */
const MAX_TEXT_CHARACTERS = 64 * 1024;
/** The kernel's limit for one environment variable (MAX_ARG_STRLEN), such as PATH. */
const MAX_VARIABLE_CHARACTERS = 128 * 1024;
/** Limit for the arguments and files of one question. */
const MAX_WORDS = 100_000;
/** Limit for the programs and libraries of one compiler. */
const MAX_TOOLS = 100;
/** Limits for a file name of 255 bytes, and for a digest with its prefix or a link's target. */
const MAX_NAME_CHARACTERS = 255;
const MAX_DIGEST_CHARACTERS = 4_200;
const MAX_PACKAGE_CHARACTERS = 512;
const MAX_FILES = 1_000_000;
/** Text that is shown on a terminal. */
const PRINTABLE = /^[\x20-\x7e]*$/;

const text = v.pipe(v.string(), v.maxLength(MAX_TEXT_CHARACTERS));
const amount = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_FILES));
const mountNames = v.pipe(v.array(text), v.maxLength(MAX_MOUNTS_BELOW));
const perDirectory = v.pipe(v.array(text), v.maxLength(MAX_HEADER_DIRECTORIES));

const word = v.pipe(v.string(), v.maxLength(MAX_VARIABLE_CHARACTERS));
const words = v.pipe(v.array(word), v.maxLength(MAX_WORDS));
const ownSearch = v.object({
  program: word,
  searchPath: word,
  language: word,
  words,
  environment: v.pipe(v.record(word, word), v.maxEntries(MAX_WORDS)),
  ownFiles: words,
});

const INSPECTION: v.GenericSchema<unknown, Inspection> = v.variant('kind', [
  v.object({ kind: v.literal('tree'), directory: word, proof: word, scratch: word, patienceMs: amount }),
  v.object({ kind: v.literal('place'), name: word, real: word, tree: word, mountsBelow: words }),
  v.object({ kind: v.literal('compiler'), program: word, searchPath: word }),
  v.object({ kind: v.literal('headers'), own: v.exactOptional(ownSearch), directories: words }),
  v.object({ kind: v.literal('header-entries'), directory: word }),
  v.object({ kind: v.literal('package'), path: word }),
  v.object({ kind: v.literal('await-file'), path: word, isRevalidating: v.boolean(), limitMs: amount }),
  v.object({ kind: v.literal('create-file'), path: word }),
]);

const mount: v.GenericSchema<unknown, MountFacts> = v.object({ point: text, type: text, source: text, options: text });

const treeFacts = v.object({
  hasDirectory: v.boolean(),
  proof: v.variant('kind', [
    v.object({ kind: v.literal('read'), text, uid: amount, gid: amount }),
    v.object({ kind: v.literal('unseen'), code: text }),
  ]),
  isOneMount: v.boolean(),
  clock: v.variant('kind', [
    v.object({ kind: v.literal('measured'), beforeMs: amount, mtimeMs: amount, afterMs: amount }),
    v.object({ kind: v.literal('failed'), code: text }),
  ]),
  freeBytes: amount,
  mount: v.exactOptional(mount),
  mountsBelow: v.exactOptional(mountNames),
  stamp: text,
}) satisfies v.GenericSchema<unknown, TreeFacts>;

const headersFacts = v.object({
  isAnswered: v.boolean(),
  searched: perDirectory,
  absent: perDirectory,
  files: perDirectory,
  digests: perDirectory,
  count,
  stamp: text,
}) satisfies v.GenericSchema<unknown, HeadersFacts>;

/** True for the name of an entry in a directory, which must not lead to another directory. */
function isEntryName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0');
}

const entriesFacts: v.GenericSchema<unknown, EntriesFacts> = v.object({
  entries: v.exactOptional(
    v.pipe(
      v.array(
        v.object({
          name: v.pipe(v.string(), v.maxLength(MAX_NAME_CHARACTERS), v.check(isEntryName)),
          digest: v.pipe(v.string(), v.maxLength(MAX_DIGEST_CHARACTERS)),
          files: count,
          isDirectory: v.boolean(),
        }),
      ),
      v.maxLength(MAX_ENTRIES),
    ),
  ),
});

const packageFacts: v.GenericSchema<unknown, PackageFacts> = v.object({
  text: v.pipe(v.string(), v.maxLength(MAX_PACKAGE_CHARACTERS), v.regex(PRINTABLE)),
});

const FINDINGS: { readonly [K in keyof Findings]: v.GenericSchema<unknown, Findings[K]> } = {
  tree: treeFacts,
  place: v.object({
    kind: v.picklist(['same', 'missing', 'another-file', 'another-mount', 'mount-below']),
    mount: v.exactOptional(mount),
    identity: text,
    stamp: text,
  }),
  compiler: v.object({
    isPresent: v.boolean(),
    isComplete: v.boolean(),
    version: text,
    machine: text,
    tools: v.pipe(v.array(v.object({ name: text, path: text, hash: text })), v.maxLength(MAX_TOOLS)),
    stamp: text,
  }),
  headers: headersFacts,
  'header-entries': entriesFacts,
  package: packageFacts,
  'await-file': v.object({ isSeen: v.boolean(), afterMs: amount }),
  'create-file': v.object({ code: text }),
};

/** @throws MalformedError if `json` is not a valid inspection */
export function decodeInspection(json: string): Inspection {
  const parsed = parseJson(json, INSPECTION);
  if (!parsed.ok) throw new MalformedError(`an inspection: ${describeJsonFailure(parsed.failure)}`);
  return parsed.value;
}

/** @throws MalformedError if `json` is not a valid answer to `inspection` */
export function decodeFindings<I extends Inspection>(inspection: I, json: string): Findings[I['kind']] {
  const schema: v.GenericSchema<unknown, Findings[I['kind']]> = FINDINGS[inspection.kind as I['kind']];
  const parsed = parseJson(json, schema);
  if (!parsed.ok) throw new MalformedError(`an answer to ${inspection.kind}: ${describeJsonFailure(parsed.failure)}`);
  return parsed.value;
}
