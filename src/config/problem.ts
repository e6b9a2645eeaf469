/** Mistakes in the configuration, as values. Unaware of their sentences and of how the configuration is found or read. */
import type { SchemaProblem } from './checks.ts';

/** A mistake in one file, or in PMAKE_NODES. */
export type ConfigProblem = SettingProblem | (InFile & FileProblem);

/** A mistake in one setting. */
export type SettingProblem = InFile & SchemaProblem;

interface InFile {
  /** The file's path, or the name of the environment variable. */
  readonly file: string;
}

/** Why a file has no settings that could be checked. */
export type FileProblem =
  /** `code` is errno's name, like EACCES. */
  | { readonly kind: 'unreadable'; readonly code: string }
  | { readonly kind: 'not-regular-file' }
  | { readonly kind: 'too-long'; readonly maxCharacters: number }
  | { readonly kind: 'empty' }
  /** `error` is what JSON.parse says; without `place`, it also says where. */
  | { readonly kind: 'not-json'; readonly error: string; readonly place?: TextPlace };

/** Both count from 1. */
interface TextPlace {
  readonly line: number;
  readonly column: number;
}
