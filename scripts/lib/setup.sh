# Sourced by scripts/demo and scripts/test: sets up what a fresh checkout needs before anything can run.
# Expects $root, the checkout, and $me, the name for messages.

die() {
  echo "$me: $*" >&2
  exit 1
}

need_tools() {
  command -v node >/dev/null 2>&1 ||
    die "there is no 'node' on PATH: install Node.js 20.19 or newer, with npm"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "this is Node.js $(node --version), too old: install 20.19 or newer"
  command -v npm >/dev/null 2>&1 || die "there is no 'npm' on PATH: it comes with Node.js"
  command -v make >/dev/null 2>&1 || die "there is no 'make' on PATH: install it (Debian: apt-get install make)"
  command -v "${CC:-cc}" >/dev/null 2>&1 ||
    die "there is no C compiler '${CC:-cc}' on PATH: install one (Debian: apt-get install gcc libc6-dev)"
}

# Runs npm ci if node_modules is missing or older than the lock file; shows npm's own output only if it fails.
install_packages() {
  [ -f "$root/node_modules/.package-lock.json" ] &&
    ! [ "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ] && return 0
  echo "$me: installing npm packages (npm ci)"
  run_quietly "npm could not install the packages; see above (it needs the npm registry)" \
    npm ci --no-audit --no-fund --ignore-scripts
}

# If dist/ is up to date, leaves it alone, because other programs may be running from it.
build_when_stale() {
  [ -f "$root/dist/cli/pmake.cjs" ] && [ -x "$root/dist/shims/pcc" ] &&
    [ -z "$(find "$root/src" "$root/shims" "$root/scripts/build" "$root/scripts/lib/bundle.js" "$root/package.json" -newer "$root/dist/cli/pmake.cjs" | head -n 1)" ] &&
    return 0
  echo "$me: building (scripts/build)"
  run_quietly "the build failed; see above" "$root/scripts/build"
}

# run_quietly WHAT-TO-SAY-WHEN-IT-FAILS COMMAND...
run_quietly() {
  _sentence=$1
  shift
  if ! _output=$(cd "$root" && "$@" 2>&1 </dev/null); then
    printf '%s\n' "$_output" >&2
    die "$_sentence"
  fi
}
