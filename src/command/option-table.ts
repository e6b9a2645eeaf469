/** Finds the row of the option table for a word, in a few map look-ups. Unaware of what a row means. */
import { OPTION_ROWS, type OptionRow } from './options.ts';

const EXACT = new Map<string, OptionRow>();
/** Rows whose argument may stand in the same word, by their first characters, longest name first. */
const JOINED = new Map<string, OptionRow[]>();
/** `-f`, `-W` have two characters; longer names are told apart by one more. */
const BUCKET_LENGTHS = [3, 2] as const;

for (const row of OPTION_ROWS) {
  if (row.takes === 'joined' || row.takes === 'either') {
    const key = row.name.slice(0, BUCKET_LENGTHS[0]);
    JOINED.set(
      key,
      [...(JOINED.get(key) ?? []), row].sort((one, other) => other.name.length - one.name.length),
    );
  }
  if (row.takes !== 'joined') EXACT.set(row.name, row);
}

export interface FoundOption {
  readonly row: OptionRow;
  /** The argument within the word; undefined when it has none or stands in the next word. */
  readonly joined: string | undefined;
}

/** The row that `word` (which begins with a dash) falls under: the whole word first, then the longest prefix. */
export function findOption(word: string): FoundOption | undefined {
  const exact = EXACT.get(word);
  if (exact) return { row: exact, joined: undefined };
  for (const length of BUCKET_LENGTHS) {
    const row = JOINED.get(word.slice(0, length))?.find(({ name }) => word.startsWith(name));
    if (row) return { row, joined: word.slice(row.name.length) };
  }
  return undefined;
}
