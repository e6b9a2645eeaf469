/**
 * The option table of gcc 12 to 16 and clang 14 to 21, as far as an option holds a path, writes a file, or decides
 * whether the job may leave. Data only: unaware of how a line is read. Options that do none of this fall under a family
 * row (`-f`, `-W`, `-m` ...) at the end.
 *
 * Sources: gcc(1), `gcc --help=separate,joined`, clang(1), clang's Options.td, and trial runs of both.
 */
import type { HereReason, KeepReason } from './reasons.ts';

/** How an option takes its argument: not at all, in the same word, in the next, in either. */
export type Takes = 'nothing' | 'joined' | 'separate' | 'either';

/**
 * What the argument is:
 * - `text`: no path, or a path that stays as it is (words are run in the same cwd, so every relative name still holds)
 * - `directory`: a directory that is searched; may be rewritten
 * - `system-directory`: one that is searched for system headers; stays as it is
 * - `forced-include`: a file looked up in cwd first and on the search path then; may be rewritten when it is in cwd
 * - `object`, `depfile`: written; may be rewritten
 * - `read`, `written`: a further file that is read or written; stays as it is
 * - `read-below`: a directory, or the beginning of paths, that files are read below, or read by; stays as it is
 * - `prefix-map`: OLD=NEW
 * - `preprocessor`, `assembler`: comma-separated words for cpp and as
 * - `clang-word`: one word for clang's inner command line
 * - `language`: of the inputs that follow
 */
export type Role =
  | 'text'
  | 'directory'
  | 'system-directory'
  | 'forced-include'
  | 'object'
  | 'depfile'
  | 'read'
  | 'read-below'
  | 'written'
  | 'prefix-map'
  | 'preprocessor'
  | 'assembler'
  | 'clang-word'
  | 'language';

/** What the mere presence of an option says. */
export type Fact =
  | 'compile'
  | 'to-assembly'
  | 'depfile'
  | 'depfile-target'
  | 'debug'
  | 'split-dwarf'
  | 'coverage'
  | 'stack-usage'
  | 'callgraph-info'
  | 'save-temps'
  | 'save-temps-beside-object'
  | 'time-trace'
  | 'optimization-record'
  | 'emit-llvm'
  | 'this-machine'
  | 'sanitize';

export interface OptionRow {
  readonly name: string;
  readonly takes: Takes;
  readonly role: Role;
  readonly fact?: Fact;
  readonly here?: HereReason;
  readonly keep?: KeepReason;
  readonly names?: Names;
  /** It has the compiler look for its own headers elsewhere, or for none. */
  readonly isOwnSearch?: true;
}

/**
 * What the argument names, where its role does not say it (reads.ts):
 * - `directory`: one that is searched for headers
 * - `root`: the compiler's own headers are looked for below it
 * - `programs`: the beginning of the names of programs that the driver prefers
 * - `own-file`, `plugin`: a file; without a directory, one that the compiler looks for in places of its own
 * - `perhaps-file`: behind `=`, of an option that is not in the table
 * - `words`: for another program
 */
export type Names = 'directory' | 'root' | 'programs' | 'own-file' | 'plugin' | 'perhaps-file' | 'words';

type Extra = Omit<OptionRow, 'name' | 'takes' | 'role'>;

function flags(names: string, extra: Extra = {}): OptionRow[] {
  return rows(names, 'nothing', 'text', extra);
}

function rows(names: string, takes: Takes, role: Role, extra: Extra = {}): OptionRow[] {
  return names.split(' ').map((name) => ({ name, takes, role, ...extra }));
}

const MODES: readonly OptionRow[] = [
  ...flags('-c --compile', { fact: 'compile' }),
  ...flags('-S --assemble', { fact: 'to-assembly' }),
  ...flags('-E --preprocess', { here: 'preprocess' }),
  ...flags('-M -MM -MG --dependencies --user-dependencies --print-missing-file-dependencies', {
    here: 'dependencies-only',
  }),
  ...flags('-fsyntax-only', { here: 'syntax-only' }),
  ...flags(
    '-### -v --verbose --version --help --target-help -dumpversion -dumpfullversion -dumpmachine -dumpspecs -Q',
    {
      here: 'information',
    },
  ),
  ...flags('-print-search-dirs -print-multi-lib -print-multi-directory -print-sysroot -print-libgcc-file-name', {
    here: 'information',
  }),
  ...rows('--help= -print- --print-', 'joined', 'text', { here: 'information' }),
  ...rows('-x', 'either', 'language'),
  ...rows('--language', 'separate', 'language'),
  ...rows('--language=', 'joined', 'language'),
  ...rows('-wrapper', 'separate', 'text', { here: 'wrapper' }),
  ...flags('-march=native -mtune=native -mcpu=native', { fact: 'this-machine' }),
];

const ROOT: Extra = { names: 'root', isOwnSearch: true };
const PROGRAMS: Extra = { names: 'programs', isOwnSearch: true };
const OWN_FILE: Extra = { names: 'own-file', isOwnSearch: true };

const PATHS: readonly OptionRow[] = [
  ...rows('-o', 'either', 'object'),
  ...rows('--output', 'separate', 'object'),
  ...rows('--output=', 'joined', 'object'),
  ...rows('-I -iquote', 'either', 'directory'),
  ...rows('--include-directory', 'separate', 'directory'),
  ...rows('--include-directory=', 'joined', 'directory'),
  // gcc names a system header by its real path where that is shorter than the name: a longer name changes the choice.
  ...rows('-isystem -idirafter', 'either', 'system-directory'),
  ...rows('--include-directory-after', 'separate', 'system-directory'),
  ...rows('--include-directory-after=', 'joined', 'system-directory'),
  ...flags('-I-', { keep: 'passed-through' }),
  ...rows('-include -imacros', 'either', 'forced-include'),
  ...rows('--include --imacros', 'separate', 'forced-include'),
  ...rows('--include= --imacros=', 'joined', 'forced-include'),
  // The compiler puts something before or after these, or looks for programs and libraries there: they stay.
  ...rows('-L', 'either', 'text'),
  ...rows('-imultilib -imultiarch -iwithsysroot', 'either', 'text', { isOwnSearch: true }),
  ...rows('--include-with-prefix --include-with-prefix-before --include-with-prefix-after', 'separate', 'text', {
    isOwnSearch: true,
  }),
  ...rows('--library-directory', 'separate', 'text'),
  ...rows('-iprefix -isysroot', 'either', 'read-below', ROOT),
  // Names to be put behind what -iprefix says.
  ...rows('-iwithprefix -iwithprefixbefore', 'either', 'text', { isOwnSearch: true }),
  ...rows('-B', 'either', 'read-below', PROGRAMS),
  ...rows('--include-prefix --sysroot', 'separate', 'read-below', ROOT),
  ...rows('--prefix', 'separate', 'read-below', PROGRAMS),
  ...rows('--sysroot= --gcc-toolchain=', 'joined', 'read-below', ROOT),
  ...rows('--prefix=', 'joined', 'read-below', PROGRAMS),
  ...rows('-gcc-toolchain', 'separate', 'read-below', ROOT),
  ...rows('-resource-dir', 'separate', 'read-below', { names: 'directory', isOwnSearch: true }),
  ...rows('-iframework -cxx-isystem -c-isystem -isystem-after -F', 'either', 'read-below', { names: 'directory' }),
  ...rows('-ivfsoverlay', 'either', 'read', { here: 'file-names-others' }),
  ...rows('-include-pch', 'separate', 'read', { keep: 'precompiled-header-used' }),
  ...rows('-specs= --specs=', 'joined', 'read-below', { keep: 'passed-through', ...OWN_FILE }),
  ...rows('--specs', 'separate', 'read-below', { keep: 'passed-through', ...OWN_FILE }),
  ...rows('-fplugin=', 'joined', 'read', { keep: 'plugin', names: 'plugin' }),
  ...rows('-fpass-plugin=', 'joined', 'read', { keep: 'plugin' }),
  ...rows('-fplugin-arg-', 'joined', 'text', { keep: 'plugin' }),
  ...rows('--config', 'separate', 'read-below', { keep: 'passed-through', ...OWN_FILE }),
  ...rows('--config=', 'joined', 'read-below', { keep: 'passed-through', ...OWN_FILE }),
];

const DEPFILES: readonly OptionRow[] = [
  ...flags('-MD -MMD --write-dependencies --write-user-dependencies', { fact: 'depfile' }),
  ...rows('-MF', 'either', 'depfile'),
  ...rows('-MT -MQ', 'either', 'text', { fact: 'depfile-target' }),
  ...flags('-MP -Mno-modules'),
  // nmake's form of a depfile; nothing else is known of it.
  ...flags('-MV', { keep: 'passed-through' }),
  ...rows('-MJ', 'either', 'written', { keep: 'second-output' }),
  ...rows('-Wp,', 'joined', 'preprocessor', { names: 'words' }),
  ...rows('-Wa,', 'joined', 'assembler', { names: 'words' }),
  ...rows('-Wl,', 'joined', 'text'),
  ...rows('-Xlinker -z -u -T -e -l -y -h', 'separate', 'text'),
  ...rows('-Xassembler -Xpreprocessor', 'separate', 'text', { keep: 'passed-through', names: 'words' }),
  ...rows('-Xclang', 'separate', 'clang-word', { keep: 'passed-through', names: 'words' }),
  ...rows('-mllvm -Xarch_host -Xarch_device -Xopenmp-target', 'separate', 'text', { names: 'words' }),
  ...rows('-target -arch', 'separate', 'text', { isOwnSearch: true }),
];

const DEBUGGING: readonly OptionRow[] = [
  ...rows('-ffile-prefix-map= -fdebug-prefix-map= -fmacro-prefix-map=', 'joined', 'prefix-map'),
  ...rows('-fprofile-prefix-map= -fcoverage-prefix-map=', 'joined', 'text', { keep: 'coverage' }),
  ...flags('-g0 -ggdb0'),
  ...flags('-gsplit-dwarf -gsplit-dwarf=split', { fact: 'split-dwarf', keep: 'split-dwarf' }),
  ...flags('-gsplit-dwarf=single', { keep: 'split-dwarf' }),
  ...flags('-gdwarf-2 -gdwarf-3 -gdwarf-4', { fact: 'debug', keep: 'debug-names' }),
  ...rows('-gdwarf -gdwarf- -ggdb -ginline -gcolumn -gno- -gstrict-dwarf -gas-loc', 'joined', 'text', {
    fact: 'debug',
  }),
  ...rows('-gz', 'joined', 'text', { fact: 'debug', keep: 'compressed-debug' }),
  ...rows('-gstabs -gvms -gcoff -gxcoff -gctf -gbtf -gcodeview', 'joined', 'text', {
    fact: 'debug',
    keep: 'debug-names',
  }),
  ...rows('-fdebug-compilation-dir= -ffile-compilation-dir=', 'joined', 'text', { keep: 'debug-names' }),
  ...rows('-fdebug-compilation-dir', 'separate', 'text', { keep: 'debug-names' }),
  ...flags('--coverage -coverage -ftest-coverage', { fact: 'coverage', keep: 'coverage' }),
  ...flags('-fprofile-arcs -fprofile-generate -fprofile-use -fauto-profile -fprofile-values', { keep: 'coverage' }),
  ...rows('-fprofile-use= -fcs-profile-use=', 'joined', 'read-below', { keep: 'coverage' }),
  ...rows('-fprofile-note=', 'joined', 'written', { keep: 'coverage' }),
  ...rows('-fprofile- -fcs-profile- -fcoverage- -fprofile-instr-', 'joined', 'text', { keep: 'coverage' }),
  ...rows('-fauto-profile= -fprofile-sample-use= -fprofile-instr-use= -fprofile-list=', 'joined', 'read', {
    keep: 'coverage',
  }),
  ...rows('-fsanitize-ignorelist= -fsanitize-blacklist= -fsanitize-coverage-allowlist=', 'joined', 'read', {
    keep: 'names-decide',
  }),
  // Patterns, held against the names of files.
  ...rows(
    '-finstrument-functions-exclude-file-list= -fprofile-filter-files= -fprofile-exclude-files=',
    'joined',
    'text',
    {
      keep: 'names-decide',
    },
  ),
  ...rows('-fsanitize=', 'joined', 'text', { keep: 'names-in-object' }),
  ...flags('-frecord-gcc-switches -frecord-command-line -grecord-command-line', { keep: 'recorded-words' }),
  ...flags('-fverbose-asm -dA -dP -dp', { keep: 'recorded-words' }),
  ...flags('-flto', { keep: 'intermediate-code' }),
  ...rows('-flto= -fthinlto-index= -fembed-bitcode -fembed-offload-object=', 'joined', 'text', {
    keep: 'intermediate-code',
  }),
  ...flags('-emit-llvm', { fact: 'emit-llvm', keep: 'intermediate-code' }),
  ...flags('-funique-internal-linkage-names', { keep: 'names-in-object' }),
  ...rows('-fopenmp-targets= -foffload= -foffload-options=', 'joined', 'text', { here: 'language' }),
  // Outlined regions carry the name of the source, with OpenACC and target regions of OpenMP.
  ...flags('-fopenmp -fopenacc', { keep: 'names-in-object' }),
  ...rows('-fopenmp=', 'joined', 'text', { keep: 'names-in-object' }),
];

const SECOND_OUTPUTS: readonly OptionRow[] = [
  ...flags('-save-temps -save-temps=cwd --save-temps --save-temps=cwd', { fact: 'save-temps', keep: 'save-temps' }),
  ...flags('-save-temps=obj --save-temps=obj', { fact: 'save-temps-beside-object', keep: 'save-temps' }),
  ...flags('-fstack-usage', { fact: 'stack-usage', keep: 'second-output' }),
  ...flags('-fcallgraph-info', { fact: 'callgraph-info', keep: 'second-output' }),
  ...rows('-fcallgraph-info=', 'joined', 'text', { fact: 'callgraph-info', keep: 'second-output' }),
  ...rows('-fdump- -fada-spec-parent= -fdbg-cnt', 'joined', 'text', { here: 'dump-files' }),
  ...rows('-dumpdir -dumpbase -dumpbase-ext', 'separate', 'text', { here: 'dump-files' }),
  ...rows('--dumpdir --dumpbase --dumpbase-ext', 'either', 'text', { here: 'dump-files' }),
  // -dM, -da, -dumpXX and the like: pass dumps under many names.
  ...rows('-d', 'joined', 'text', { here: 'dump-files' }),
  ...rows('-aux-info', 'either', 'written', { keep: 'second-output' }),
  ...rows('-fopt-info', 'joined', 'text', { keep: 'names-in-messages' }),
  // What is told after `=` or `file=` goes into files named by rules of its own.
  ...rows('-ftime-trace= -fdiagnostics-add-output= -fdiagnostics-set-output=', 'joined', 'text', {
    here: 'dump-files',
  }),
  ...flags('-fdiagnostics-format=json-file -fdiagnostics-format=sarif-file', { here: 'dump-files' }),
  ...flags('-ftime-trace', { fact: 'time-trace', keep: 'second-output' }),
  ...flags('-fsave-optimization-record', { fact: 'optimization-record', keep: 'second-output' }),
  ...rows('-fsave-optimization-record=', 'joined', 'text', { here: 'dump-files' }),
  ...rows('-foptimization-record-file=', 'joined', 'written', { keep: 'second-output' }),
  ...rows('--serialize-diagnostics -serialize-diagnostics', 'separate', 'written', { keep: 'second-output' }),
  ...rows('-dependency-file', 'separate', 'written', { keep: 'second-output' }),
  ...rows('-index-store-path', 'separate', 'text', { here: 'dump-files' }),
  ...flags('-fmodules -fmodules-ts -fcxx-modules -fmodule-header -fimplicit-modules', { here: 'modules' }),
  ...rows('-fmodule -fmodules- -fprebuilt-module-path= -fcxx-modules', 'joined', 'text', { here: 'modules' }),
  ...flags('-fno-modules -fno-modules-ts -fno-implicit-modules'),
  ...flags('-fcompare-debug -freport-bug -ftime-report -fmem-report', { here: 'dump-files' }),
  ...rows('-fcompare-debug=', 'joined', 'text', { here: 'dump-files' }),
  ...rows('-dependency-dot -module-dependency-dir -gen-cdb-fragment-path', 'separate', 'text', { here: 'dump-files' }),
  ...flags('-ftime-report-json -emit-symbol-graph --emit-extension-symbol-graphs', { here: 'dump-files' }),
  ...rows('--symbol-graph-dir= --emit-symbol-graph=', 'joined', 'text', { here: 'dump-files' }),
];

/** What is compiled once for many sources: a file of it that one node wrote may not be one that another can read. */
const MODULES: readonly OptionRow[] = [
  ...rows('-fmodules-user-build-path -fmodules-map -fmodules-map-file -iapinotes-modules', 'separate', 'text', {
    here: 'modules',
  }),
  // P1689: which modules a source needs and makes, in a file with a name of its own.
  ...rows('-fdeps-file= -fdeps-format= -fdeps-target=', 'joined', 'text', { here: 'modules' }),
  ...flags('-Mmodules --compile-std-module -fapinotes -fapinotes-modules', { here: 'modules' }),
  ...flags('-fexperimental-modules-reduced-bmi', { here: 'modules' }),
  // The source itself is then looked up on the search path.
  ...flags('-fsearch-include-path', { here: 'modules' }),
  ...rows('-fsearch-include-path=', 'joined', 'text', { here: 'modules' }),
];

/** Files that decide which code is made, or that it is made by. */
const STEERING: readonly OptionRow[] = [
  // #embed looks here for what it puts in.
  ...rows('--embed-dir= --embed-directory=', 'joined', 'read-below'),
  ...rows('--embed-directory', 'separate', 'read-below'),
  ...flags('-fcondition-coverage -fpath-coverage', { keep: 'coverage' }),
  ...rows('-fpath-coverage-limit=', 'joined', 'text', { keep: 'coverage' }),
  ...rows('-fmemory-profile-use= -fcodegen-data-use=', 'joined', 'read', { keep: 'coverage' }),
  ...rows('-fxray-always-instrument= -fxray-never-instrument= -fxray-attr-list=', 'joined', 'read', {
    keep: 'names-decide',
  }),
  ...rows(
    '-fsanitize-coverage-ignorelist= -fsanitize-system-ignorelist= -fexperimental-sanitize-metadata-ignorelist=',
    'joined',
    'read',
    { keep: 'names-decide' },
  ),
  ...rows('--warning-suppression-mappings= -fms-secure-hotpatch-functions-file=', 'joined', 'read', {
    keep: 'names-decide',
  }),
  ...rows('-fbasic-block-sections=list= -frandomize-layout-seed-file=', 'joined', 'read', { keep: 'names-decide' }),
  ...rows('-funique-source-file-identifier=', 'joined', 'text', { keep: 'names-in-object' }),
  ...flags('-funique-source-file-names', { keep: 'names-in-object' }),
  // Names are made canonical before the user's maps are held against them.
  ...flags('-fcanon-prefix-map', { keep: 'user-prefix-map' }),
  ...rows('-iplugindir=', 'joined', 'read-below', { keep: 'plugin' }),
  ...rows('-vfsoverlay --vfsoverlay', 'separate', 'read', { keep: 'passed-through' }),
  ...rows('-iframeworkwithsysroot', 'either', 'read-below'),
  ...rows('-ftrapv-handler -fxray-instruction-threshold -mmlir -dsym-dir', 'separate', 'text'),
  ...rows('-darwin-target-variant -darwin-target-variant-triple', 'separate', 'text'),
  ...rows('-filelist', 'separate', 'read', { here: 'several-inputs' }),
];

/** Their fronts take these; each has its argument in the next word, whatever the family below would say. */
const OTHER_LANGUAGES: readonly OptionRow[] = [
  ...rows('-fintrinsic-modules-path -fgo-debug-escape -fm2-pathnameI -gant -gnat -gnatO', 'separate', 'text', {
    here: 'language',
  }),
  ...rows('-dialect -fdefaultbyte -fcobol-exceptions -findicator-column', 'separate', 'text', { here: 'language' }),
  ...rows('-fexperimental-openacc-macro-override', 'separate', 'text', { here: 'language' }),
];

const MESSAGES: readonly OptionRow[] = [
  ...flags('-fmessage-length=0'),
  ...rows('-fmessage-length=', 'joined', 'text', { keep: 'names-in-messages' }),
  ...flags('-fdiagnostics-absolute-paths', { keep: 'names-in-messages' }),
  // These quote names by rules of their own.
  ...flags('-fdiagnostics-parseable-fixits -fdiagnostics-generate-patch', { keep: 'names-in-messages' }),
  ...rows('-fdiagnostics-format=', 'joined', 'text', { keep: 'names-in-messages' }),
];

/** Everything else that both drivers take; the longest name that fits wins, so these come last in effect. */
const FAMILIES: readonly OptionRow[] = [
  ...rows('-D -U -A --define-macro --undefine-macro --param', 'either', 'text'),
  ...rows('--define-macro= --undefine-macro= --param= --std=', 'joined', 'text'),
  ...rows('--std', 'separate', 'text'),
  ...rows('--target', 'separate', 'text', { isOwnSearch: true }),
  ...rows('-f', 'joined', 'text', { names: 'perhaps-file' }),
  ...rows('-W -O -std=', 'joined', 'text'),
  // Each machine's variant may have directories of its own.
  ...rows('-m', 'joined', 'text', { names: 'perhaps-file', isOwnSearch: true }),
  ...rows('--target=', 'joined', 'text', { isOwnSearch: true }),
  ...rows('-g', 'joined', 'text', { fact: 'debug' }),
  ...flags('-g', { fact: 'debug' }),
  ...flags('-O -W -w -pipe -pthread -ansi -pedantic -pedantic-errors -p -pg -C -CC -P -undef -trigraphs -remap'),
  // gcc lists headers in the order of their names at the end.
  ...flags('-H', { keep: 'names-in-messages' }),
  ...flags('-nostdinc -nostdinc++ --no-standard-includes', { isOwnSearch: true }),
  ...flags('-nostdlib -nodefaultlibs -nostartfiles -nolibc -traditional -traditional-cpp'),
  ...flags('-static -shared -rdynamic -pie -no-pie -static-pie -static-libgcc -static-libstdc++ -s -r -n -t'),
  ...flags('-no-canonical-prefixes -canonical-prefixes -no-integrated-cpp -pass-exit-codes -Qunused-arguments -Qn -Qy'),
  ...flags('-integrated-as -no-integrated-as -fno-integrated-as --no-warnings --all-warnings --extra-warnings'),
  ...flags('--pedantic --pedantic-errors --optimize --debug --ansi --static --shared --pipe'),
  ...flags('--no-sysroot-suffix -EB -EL', { isOwnSearch: true }),
  ...flags('-relocatable -nogpulib -nogpuinc -emit-static-lib -faccess-control -nopie'),
  ...rows('-G', 'either', 'text'),
  ...rows('-stdlib= --stdlib=', 'joined', 'text', { isOwnSearch: true }),
  ...rows('-rtlib= -unwindlib= --rtlib= --unwindlib=', 'joined', 'text'),
  ...rows('-stdlib++-isystem', 'separate', 'read-below', { names: 'directory', isOwnSearch: true }),
  ...rows('-meabi -mthread-model', 'separate', 'text', { isOwnSearch: true }),
  ...rows('-l -R', 'joined', 'text'),
];

export const OPTION_ROWS: readonly OptionRow[] = [
  ...FAMILIES,
  ...MODES,
  ...PATHS,
  ...DEPFILES,
  ...DEBUGGING,
  ...SECOND_OUTPUTS,
  ...MODULES,
  ...STEERING,
  ...OTHER_LANGUAGES,
  ...MESSAGES,
];
