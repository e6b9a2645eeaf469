/**
 * Parser for the arguments of a compiler driver: splits them into options with their arguments, and inputs, by the
 * option table. Unaware of the file system and of the purpose of the command.
 */
import { findOption } from './option-table.ts';
import type { Fact, OptionRow, Role } from './options.ts';
import type { LocalReason, KeepReason } from './local-reasons.ts';

/** One option with its argument, or one input. Concatenated, the fields give the user's spelling. */
export interface Item {
  readonly role: Role | 'input' | 'plain';
  /** The part of the option before its argument; '' for an input. */
  readonly spelled: string;
  readonly argument: string;
  /** The argument is a separate word. */
  readonly isSeparate: boolean;
}

/** One input of the driver. */
export interface DriverInput {
  readonly path: string;
  /** The language from a preceding `-x`; undefined means by suffix. */
  readonly language: string | undefined;
}

/** A parsed command line. */
export interface DriverLine {
  readonly items: readonly Item[];
  readonly inputs: readonly DriverInput[];
  readonly facts: ReadonlySet<Fact>;
  /** Reasons of the options to stay local, in order. */
  readonly localReasons: readonly LocalReason[];
  readonly keep: readonly KeepReason[];
  /** An option that is not in the table, or lacks its argument. */
  readonly unknown: string | undefined;
}

interface LineDraft {
  items: Item[];
  inputs: DriverInput[];
  facts: Set<Fact>;
  localReasons: LocalReason[];
  keep: KeepReason[];
  unknown: string | undefined;
  language: string | undefined;
}

/** Parses the words after the program. */
export function parseDriverLine(words: readonly string[]): DriverLine {
  const draft: LineDraft = {
    items: [],
    inputs: [],
    facts: new Set(),
    localReasons: [],
    keep: [],
    unknown: undefined,
    language: undefined,
  };
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '-' || !word.startsWith('-')) {
      draft.items.push({ role: 'input', spelled: '', argument: word, isSeparate: false });
      draft.inputs.push({ path: word, language: draft.language });
      continue;
    }
    const found = findOption(word);
    if (!found) {
      draft.unknown ??= word;
      draft.items.push(plainItem(word));
      continue;
    }
    const { row, joined } = found;
    const isSeparate = joined === undefined && row.takes !== 'nothing';
    if (isSeparate) index += 1;
    const argument = isSeparate ? words[index] : (joined ?? '');
    if (argument === undefined) {
      draft.unknown ??= word;
      draft.items.push(plainItem(word));
    } else takeOption(draft, row, { role: row.role, spelled: row.name, argument, isSeparate });
  }
  return draft;
}

/** A word that is passed on unchanged. */
export function plainItem(word: string): Item {
  return { role: 'plain', spelled: word, argument: '', isSeparate: false };
}

function takeOption(draft: LineDraft, row: OptionRow, item: Item): void {
  if (row.fact) draft.facts.add(row.fact);
  if (row.local) draft.localReasons.push(row.local);
  if (row.keep) draft.keep.push(row.keep);
  if (row.role === 'language') draft.language = item.argument === 'none' ? undefined : item.argument;
  if (row.role === 'preprocessor') draft.items.push(preprocessorItem(draft, item));
  else if (row.role === 'clang-word') draft.items.push(clangItem(draft, item));
  else draft.items.push(item);
  if (row.role === 'assembler') takeAssemblerWords(draft, item.argument);
  // `-fopt-info-vec=FILE`; without a file the output goes to stderr.
  if (row.name === '-fopt-info' && item.argument.includes('=')) draft.localReasons.push('dump-files');
  if (isFamily(row) && /=.*\//.test(item.argument)) draft.keep.push('path-in-unknown-option');
}

/** True for a row that covers all options with the same first letter. */
function isFamily(row: OptionRow): boolean {
  return (
    row.takes === 'joined' && row.role === 'text' && row.name.length === 2 && row.name !== '-l' && row.name !== '-R'
  );
}

/** `-Xclang -include-pch -Xclang FILE`, as written by CMake: the file is read like one given to the driver itself. */
function clangItem(draft: LineDraft, item: Item): Item {
  const before = draft.items.at(-1);
  if (item.argument === '-emit-pch') draft.localReasons.push('precompiled-header');
  else if (/^-(emit-\w+|o|dependency-file)$/.test(item.argument)) draft.localReasons.push('dump-files');
  const isRead = before?.role === 'clang-word' && /^-(include-pch|load)$/.test(before.argument);
  return isRead ? { ...item, role: 'read' } : item;
}

/** `-Wp,-MD,FILE` names a depfile, macros are harmless, and anything else is passed to cpp uninterpreted. */
function preprocessorItem(draft: LineDraft, item: Item): Item {
  const parts = item.argument.split(',');
  const [first = '', second] = parts;
  if (parts.length === 2 && second !== undefined && second !== '' && (first === '-MD' || first === '-MMD')) {
    return { role: 'depfile', spelled: `-Wp,${first},`, argument: second, isSeparate: false };
  }
  if (first.startsWith('-MT') || first.startsWith('-MQ')) draft.facts.add('depfile-target');
  if (parts.some((part) => /^-M(D|MD|F)/.test(part))) draft.localReasons.push('dump-files');
  else if (!parts.every((part) => /^-[DU]\w/.test(part))) draft.keep.push('passed-through');
  return { ...item, role: 'plain', spelled: '-Wp,' };
}

/** Options of as that neither contain a path nor write a file. */
const HARMLESS_AS =
  /^(--noexecstack|--execstack|--fatal-warnings|--no-warn|--warn|-W|--nocompress-debug-sections|-m[\w=.-]*|-mrelax-relocations=\w+|--keep-locals|--strip-local-absolute|-O[12]?|--divide|--[36][24])$/;
/** With these, as records its input: a temporary file, or the source by the name given to the driver. */
const DEBUG_AS = /^(-g|--gen-debug|--gstabs\+?|--gdwarf.*)$/;

function takeAssemblerWords(draft: LineDraft, argument: string): void {
  for (const part of argument.split(',')) {
    if (part.startsWith('-a') || part.startsWith('--MD') || part.startsWith('-o'))
      draft.localReasons.push('dump-files');
    else if (DEBUG_AS.test(part)) draft.keep.push('debug-names');
    else if (part.startsWith('--compress-debug-sections')) draft.keep.push('compressed-debug');
    else if (!HARMLESS_AS.test(part)) draft.keep.push('passed-through');
  }
}
