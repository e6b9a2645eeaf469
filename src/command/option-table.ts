/** Finds the option table's row for a word with a few map lookups. Unaware of what a row means. */
import { OPTION_ROWS, type OptionRow } from './options.ts';

const EXACT = new Map<string, OptionRow>();
/** Rows whose argument may be joined, by their first characters, longest name first. */
const JOINED = new Map<string, OptionRow[]>();
/** `-f` and `-W` have two characters; longer names are distinguished by one more. */
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

/** The row of an option. */
export interface FoundOption {
  readonly row: OptionRow;
  /** The joined argument; undefined if none exists or it is the next word. */
  readonly joined: string | undefined;
}

/** The row for `word` (which begins with a dash): an exact match first, then the longest prefix. */
export function findOption(word: string): FoundOption | undefined {
  const exact = EXACT.get(word);
  if (exact) return { row: exact, joined: undefined };
  for (const length of BUCKET_LENGTHS) {
    const row = JOINED.get(word.slice(0, length))?.find(({ name }) => word.startsWith(name));
    if (row) return { row, joined: word.slice(row.name.length) };
  }
  return undefined;
}
