/**
 * Our prefix map among the user's (gcc only: of clang's several lists some sort by name, so ours cannot be ordered).
 *
 * gcc takes the last map that matches. It reads -fmacro-prefix-map at once, but -ffile- and -fdebug-prefix-map after
 * all other words; so a file map always goes before a macro map, wherever it stands (found by trial, gcc 12).
 * Ours must come before the user's absolute maps, which are not for our names, and after his relative ones.
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

/** Whether our map can be put among the user's so that every name comes out as without us. */
export function canOrderMaps(line: DriverLine, language: string): boolean {
  const maps = mapsOf(line);
  if (maps.length === 0) return true;
  // A map without OLD matches every name, ours too.
  if (maps.some(({ argument }) => /^(=|[^=]*$)/.test(argument))) return false;
  // The driver hands as the debug maps first and the file maps then.
  if (language === 'assembler' && maps.some(({ spelled }) => spelled !== MACRO_MAP)) return false;
  const hasAbsoluteFileMap = maps.some((map) => map.spelled === FILE_MAP && isAbsolute(map));
  return !hasAbsoluteFileMap || !maps.some((map) => map.spelled === MACRO_MAP && !isAbsolute(map));
}

/**
 * The maps of a rewritten line, in their order. The user's relative maps come twice: names that stay relative are
 * matched by them as they are, rewritten ones with the prefix.
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
