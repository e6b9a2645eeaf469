/**
 * Option table of gcc 12 to 16 and clang 14 to 21. It covers options that contain a path, write a file, or decide
 * whether the job may run on a node. Data only: unaware of how a line is parsed. All other options match a family row
 * (`-f`, `-W`, `-m` ...) at the end.
 *
 * The sources are gcc(1), `gcc --help=separate,joined`, clang(1), clang's Options.td, and experiments with both.
 */
import type { LocalReason, KeepReason } from './local-reasons.ts';

/** How an option takes its argument: not at all, in the same word, in the next word, or in either. */
export type Takes = 'nothing' | 'joined' | 'separate' | 'either';

/**
 * Meaning of an option's argument:
 * - `text`: not a path, or a path that is passed unchanged (the cwd is the same, so relative names stay valid)
 * - `directory`: a search directory; may be rewritten
 * - `system-directory`: a search directory for system headers; passed unchanged
 * - `forced-include`: a file that is looked up in cwd, then on the search path; may be rewritten if it is in cwd
 * - `object`, `depfile`: an output file; may be rewritten
 * - `read`, `written`: a further file that is read or written; passed unchanged
 * - `read-below`: a directory, or a path prefix, of files that are read; passed unchanged
 * - `prefix-map`: OLD=NEW
 * - `preprocessor`, `assembler`: comma-separated arguments for cpp and as
 * - `clang-word`: one argument for clang's inner command line
 * - `language`: the language of the inputs that follow
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

/** What the presence of an option implies. */
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

/** One option, or a family of options. */
export interface OptionRow {
  readonly name: string;
  readonly takes: Takes;
  readonly role: Role;
  readonly fact?: Fact;
  readonly local?: LocalReason;
  readonly keep?: KeepReason;
  readonly names?: Names;
  /** It makes the compiler look for its own headers elsewhere, or not at all. */
  readonly isOwnSearch?: true;
}

/**
 * What the argument names, if its role does not tell (reads.ts):
 * - `directory`: a search directory for headers
 * - `root`: a directory below which the compiler looks for its own headers
 * - `programs`: a prefix of programs that the driver prefers
 * - `own-file`, `plugin`: a file; without a directory, the compiler looks for it in its own directories
 * - `perhaps-file`: a possible file name after `=`, in an option that is not in the table
 * - `words`: arguments for another program
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
  ...flags('-E --preprocess', { local: 'preprocess' }),
  ...flags('-M -MM -MG --dependencies --user-dependencies --print-missing-file-dependencies', {
    local: 'dependencies-only',
  }),
  ...flags('-fsyntax-only', { local: 'syntax-only' }),
  ...flags(
    '-### -v --verbose --version --help --target-help -dumpversion -dumpfullversion -dumpmachine -dumpspecs -Q',
    {
      local: 'information',
    },
  ),
  ...flags('-print-search-dirs -print-multi-lib -print-multi-directory -print-sysroot -print-libgcc-file-name', {
    local: 'information',
  }),
  ...rows('--help= -print- --print-', 'joined', 'text', { local: 'information' }),
  ...rows('-x', 'either', 'language'),
  ...rows('--language', 'separate', 'language'),
  ...rows('--language=', 'joined', 'language'),
  ...rows('-wrapper', 'separate', 'text', { local: 'wrapper' }),
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
  // gcc names a system header by its real path if that is shorter than the name: a longer name would change the choice.
  ...rows('-isystem -idirafter', 'either', 'system-directory'),
  ...rows('--include-directory-after', 'separate', 'system-directory'),
  ...rows('--include-directory-after=', 'joined', 'system-directory'),
  ...flags('-I-', { keep: 'passed-through' }),
  ...rows('-include -imacros', 'either', 'forced-include'),
  ...rows('--include --imacros', 'separate', 'forced-include'),
  ...rows('--include= --imacros=', 'joined', 'forced-include'),
  // The compiler extends these, or looks for programs and libraries there: they stay unchanged.
  ...rows('-L', 'either', 'text'),
  ...rows('-imultilib -imultiarch -iwithsysroot', 'either', 'text', { isOwnSearch: true }),
  ...rows('--include-with-prefix --include-with-prefix-before --include-with-prefix-after', 'separate', 'text', {
    isOwnSearch: true,
  }),
  ...rows('--library-directory', 'separate', 'text'),
  ...rows('-iprefix -isysroot', 'either', 'read-below', ROOT),
  // Names that are appended to the value of -iprefix.
  ...rows('-iwithprefix -iwithprefixbefore', 'either', 'text', { isOwnSearch: true }),
  ...rows('-B', 'either', 'read-below', PROGRAMS),
  ...rows('--include-prefix --sysroot', 'separate', 'read-below', ROOT),
  ...rows('--prefix', 'separate', 'read-below', PROGRAMS),
  ...rows('--sysroot= --gcc-toolchain=', 'joined', 'read-below', ROOT),
  ...rows('--prefix=', 'joined', 'read-below', PROGRAMS),
  ...rows('-gcc-toolchain', 'separate', 'read-below', ROOT),
  ...rows('-resource-dir', 'separate', 'read-below', { names: 'directory', isOwnSearch: true }),
  ...rows('-iframework -cxx-isystem -c-isystem -isystem-after -F', 'either', 'read-below', { names: 'directory' }),
  ...rows('-ivfsoverlay', 'either', 'read', { local: 'file-names-others' }),
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
  // Writes the depfile in nmake's format; nothing else is known about it.
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
  // Patterns that are matched against file names.
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
  ...rows('-fopenmp-targets= -foffload= -foffload-options=', 'joined', 'text', { local: 'language' }),
  // The names of outlined regions contain the source's name: with OpenACC, and for target regions of OpenMP.
  ...flags('-fopenmp -fopenacc', { keep: 'names-in-object' }),
  ...rows('-fopenmp=', 'joined', 'text', { keep: 'names-in-object' }),
];

const SECOND_OUTPUTS: readonly OptionRow[] = [
  ...flags('-save-temps -save-temps=cwd --save-temps --save-temps=cwd', { fact: 'save-temps', keep: 'save-temps' }),
  ...flags('-save-temps=obj --save-temps=obj', { fact: 'save-temps-beside-object', keep: 'save-temps' }),
  ...flags('-fstack-usage', { fact: 'stack-usage', keep: 'second-output' }),
  ...flags('-fcallgraph-info', { fact: 'callgraph-info', keep: 'second-output' }),
  ...rows('-fcallgraph-info=', 'joined', 'text', { fact: 'callgraph-info', keep: 'second-output' }),
  ...rows('-fdump- -fada-spec-parent= -fdbg-cnt', 'joined', 'text', { local: 'dump-files' }),
  ...rows('-dumpdir -dumpbase -dumpbase-ext', 'separate', 'text', { local: 'dump-files' }),
  ...rows('--dumpdir --dumpbase --dumpbase-ext', 'either', 'text', { local: 'dump-files' }),
  // -dM, -da, -dumpXX and others: pass dumps, with many names.
  ...rows('-d', 'joined', 'text', { local: 'dump-files' }),
  ...rows('-aux-info', 'either', 'written', { keep: 'second-output' }),
  ...rows('-fopt-info', 'joined', 'text', { keep: 'names-in-messages' }),
  // The text after `=` or `file=` names files by rules of its own.
  ...rows('-ftime-trace= -fdiagnostics-add-output= -fdiagnostics-set-output=', 'joined', 'text', {
    local: 'dump-files',
  }),
  ...flags('-fdiagnostics-format=json-file -fdiagnostics-format=sarif-file', { local: 'dump-files' }),
  // gcc 16 lists the words of cc1 in them.
  ...flags('-fdiagnostics-format=sarif-stderr -fdiagnostics-format=sarif', { keep: 'recorded-words' }),
  ...flags('-ftime-trace', { fact: 'time-trace', keep: 'second-output' }),
  ...flags('-fsave-optimization-record', { fact: 'optimization-record', keep: 'second-output' }),
  ...rows('-fsave-optimization-record=', 'joined', 'text', { local: 'dump-files' }),
  ...rows('-foptimization-record-file=', 'joined', 'written', { keep: 'second-output' }),
  ...rows('--serialize-diagnostics -serialize-diagnostics', 'separate', 'written', { keep: 'second-output' }),
  ...rows('-dependency-file', 'separate', 'written', { keep: 'second-output' }),
  ...rows('-index-store-path', 'separate', 'text', { local: 'dump-files' }),
  ...flags('-fmodules -fmodules-ts -fcxx-modules -fmodule-header -fimplicit-modules', { local: 'modules' }),
  ...rows('-fmodule -fmodules- -fprebuilt-module-path= -fcxx-modules', 'joined', 'text', { local: 'modules' }),
  ...flags('-fno-modules -fno-modules-ts -fno-implicit-modules'),
  ...flags('-fcompare-debug -freport-bug -ftime-report -fmem-report', { local: 'dump-files' }),
  ...rows('-fcompare-debug=', 'joined', 'text', { local: 'dump-files' }),
  ...rows('-dependency-dot -module-dependency-dir -gen-cdb-fragment-path', 'separate', 'text', { local: 'dump-files' }),
  ...flags('-ftime-report-json -emit-symbol-graph --emit-extension-symbol-graphs', { local: 'dump-files' }),
  ...rows('--symbol-graph-dir= --emit-symbol-graph=', 'joined', 'text', { local: 'dump-files' }),
];

/** Files that are compiled once for many sources: one node's may be unreadable for another node's compiler. */
const MODULES: readonly OptionRow[] = [
  ...rows('-fmodules-user-build-path -fmodules-map -fmodules-map-file -iapinotes-modules', 'separate', 'text', {
    local: 'modules',
  }),
  // P1689: writes the modules that a source needs and provides to a file of its own name.
  ...rows('-fdeps-file= -fdeps-format= -fdeps-target=', 'joined', 'text', { local: 'modules' }),
  ...flags('-Mmodules --compile-std-module -fapinotes -fapinotes-modules', { local: 'modules' }),
  ...flags('-fexperimental-modules-reduced-bmi', { local: 'modules' }),
  // The source itself is then looked up on the search path.
  ...flags('-fsearch-include-path', { local: 'modules' }),
  ...rows('-fsearch-include-path=', 'joined', 'text', { local: 'modules' }),
];

/** Files that decide which code is generated, or that generate it. */
const STEERING: readonly OptionRow[] = [
  // #embed searches these directories.
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
  // Names are canonicalised before the user's maps are applied.
  ...flags('-fcanon-prefix-map', { keep: 'user-prefix-map' }),
  ...rows('-iplugindir=', 'joined', 'read-below', { keep: 'plugin' }),
  ...rows('-vfsoverlay --vfsoverlay', 'separate', 'read', { keep: 'passed-through' }),
  ...rows('-iframeworkwithsysroot', 'either', 'read-below'),
  ...rows('-ftrapv-handler -fxray-instruction-threshold -mmlir -dsym-dir', 'separate', 'text'),
  ...rows('-darwin-target-variant -darwin-target-variant-triple', 'separate', 'text'),
  ...rows('-filelist', 'separate', 'read', { local: 'several-inputs' }),
];

/** Options of other frontends. Each takes the next word as its argument, whatever the family rows below would say. */
const OTHER_LANGUAGES: readonly OptionRow[] = [
  ...rows('-fintrinsic-modules-path -fgo-debug-escape -fm2-pathnameI -gant -gnat -gnatO', 'separate', 'text', {
    local: 'language',
  }),
  ...rows('-dialect -fdefaultbyte -fcobol-exceptions -findicator-column', 'separate', 'text', { local: 'language' }),
  ...rows('-fexperimental-openacc-macro-override', 'separate', 'text', { local: 'language' }),
];

const MESSAGES: readonly OptionRow[] = [
  ...flags('-fmessage-length=0'),
  ...rows('-fmessage-length=', 'joined', 'text', { keep: 'names-in-messages' }),
  ...flags('-fdiagnostics-absolute-paths', { keep: 'names-in-messages' }),
  // These quote names by rules of their own.
  ...flags('-fdiagnostics-parseable-fixits -fdiagnostics-generate-patch', { keep: 'names-in-messages' }),
  ...rows('-fdiagnostics-format=', 'joined', 'text', { keep: 'names-in-messages' }),
];

/** All other options of both drivers. The longest matching name wins, so these come last in effect. */
const FAMILIES: readonly OptionRow[] = [
  ...rows('-D -U -A --define-macro --undefine-macro --param', 'either', 'text'),
  ...rows('--define-macro= --undefine-macro= --param= --std=', 'joined', 'text'),
  ...rows('--std', 'separate', 'text'),
  ...rows('--target', 'separate', 'text', { isOwnSearch: true }),
  ...rows('-f', 'joined', 'text', { names: 'perhaps-file' }),
  ...rows('-W -O -std=', 'joined', 'text'),
  // Each machine variant may have its own directories.
  ...rows('-m', 'joined', 'text', { names: 'perhaps-file', isOwnSearch: true }),
  ...rows('--target=', 'joined', 'text', { isOwnSearch: true }),
  ...rows('-g', 'joined', 'text', { fact: 'debug' }),
  ...flags('-g', { fact: 'debug' }),
  ...flags('-O -W -w -pipe -pthread -ansi -pedantic -pedantic-errors -p -pg -C -CC -P -undef -trigraphs -remap'),
  // At the end gcc lists headers sorted by name.
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

/** All rows. */
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
