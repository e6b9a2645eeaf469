/** Tells the tests of configure scripts, CMake and meson by the names they use. Unaware of options. */

/** Files, and the scratch directories of the generators. */
const PROBE_FILE = /(^|\/)(conftest\d*|conftst|tmp\.conftest|ztest\d+)(\.|$)/;
const PROBE_DIRECTORY = /\/CMakeFiles\/(CMakeTmp|CMakeScratch|[\d.]+\/CompilerId)|\/meson-private\//;

/** A test program is compiled to see whether it compiles: it is small, and the script waits for it. */
export function isConfigureProbe(cwd: string, files: readonly string[]): boolean {
  return PROBE_DIRECTORY.test(`${cwd}/`) || files.some((path) => PROBE_FILE.test(path) || PROBE_DIRECTORY.test(path));
}
