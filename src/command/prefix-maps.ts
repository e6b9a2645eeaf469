/**
 * Inserts our prefix map among the user's. This is possible for gcc only: clang has several lists, and some of them are
 * sorted by name.
 *
 * gcc applies the last map that matches. It reads -fmacro-prefix-map immediately, but -ffile- and -fdebug-prefix-map
 * after all other arguments, so a file map always comes before a macro map, wherever it is on the command line
 * (determined by experiment, gcc 12). Our map must come before the user's absolute maps, which must not match our
 * names, and after the relative ones.
 */
import type { DriverLine, Item } from './driver-line.ts';

const FILE_MAP = '-ffile-prefix-map=';
const MACRO_MAP = '-fmacro-prefix-map=';
const DEBUG_MAP = '-fdebug-prefix-map=';

function mapsOf(line: DriverLine): Item[] {
  return line.items.filter(({ role }) => role === 'prefix-map');
}

function isAbsolute({ argument }: Item): boolean {
  return argument.startsWith('/');
}

/** True if our map can be inserted such that every name comes out as it would without pmake. */
export function canOrderMaps(line: DriverLine, language: string): boolean {
  const maps = mapsOf(line);
  if (maps.length === 0) return true;
  // A map with an empty OLD matches every name, including ours.
  if (maps.some(({ argument }) => /^(=|[^=]*$)/.test(argument))) return false;
  // The driver passes as the debug maps first, then the file maps.
  if (language === 'assembler' && maps.some(({ spelled }) => spelled !== MACRO_MAP)) return false;
  const hasAbsoluteFileMap = maps.some((map) => map.spelled === FILE_MAP && isAbsolute(map));
  return !hasAbsoluteFileMap || !maps.some((map) => map.spelled === MACRO_MAP && !isAbsolute(map));
}

/**
 * The maps of a rewritten line, in order. The user's relative maps occur twice: as they are, for names that stay
 * relative, and with the prefix, for rewritten names.
 */
export function orderedMaps(line: DriverLine, prefix: string): Item[] {
  const maps = mapsOf(line);
  const hasRelativeMacroMap = maps.some((map) => map.spelled === MACRO_MAP && !isAbsolute(map));
  const ours = hasRelativeMacroMap ? [DEBUG_MAP, MACRO_MAP] : [FILE_MAP];
  return [
    ...maps.filter(isAbsolute),
    ...ours.map((spelled) => prefixMap(spelled, `${prefix}=`)),
    ...maps
      .filter((map) => !isAbsolute(map))
      .flatMap(({ spelled, argument }) => [prefixMap(spelled, argument), prefixMap(spelled, prefix + argument)]),
  ];
}

/** @param argument - OLD=NEW */
function prefixMap(spelled: string, argument: string): Item {
  return { role: 'prefix-map', spelled, argument, isSeparate: false };
}
