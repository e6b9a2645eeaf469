/** Recognises tests of configure scripts, CMake and meson by their file names. Unaware of options. */

/** Files, and the generators' scratch directories. */
const PROBE_FILE = /(^|\/)(conftest\d*|conftst|tmp\.conftest|ztest\d+)(\.|$)/;
/** config.guess compiles in its own directory under /tmp. */
const GUESS_FILE = /\/cg[\w-]+\/dummy(\.|$)/;
const PROBE_DIRECTORY = /\/CMakeFiles\/(CMakeTmp|CMakeScratch|[\d.]+\/CompilerId)|\/meson-private\//;

/** True for a test program, which is compiled to see whether it compiles: it is small, and the script waits for it. */
export function isConfigureProbe(cwd: string, files: readonly string[]): boolean {
  const isProbe = (path: string): boolean =>
    [PROBE_FILE, GUESS_FILE, PROBE_DIRECTORY].some((known) => known.test(path));
  return PROBE_DIRECTORY.test(`${cwd}/`) || files.some(isProbe);
}
