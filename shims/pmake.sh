#!/bin/sh
# The program `pmake` where no C compiler was available at install; it replaces shims/pmake.c. It execs Node.js with
# pmake's script, or plain make where a resource limit is too low for Node.js or there is no Node.js. It is the second
# choice because a shell does not pass on variables whose names it cannot parse (`a.b`).

# The installation, with all links resolved.
self=$0
while [ -h "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=${self%/*}/$link ;;
  esac
done
script=${self%/*}/../cli/pmake.cjs

# is_low LIMIT LEAST: LIMIT is as `ulimit` prints it. A limit that this shell cannot report counts as no limit.
is_low() {
  case $1 in
    '' | *[!0-9]*) return 1 ;;
    *) [ "$1" -lt "$2" ] ;;
  esac
}

why=
is_low "$(ulimit -v 2>/dev/null)" 1572864 && why="\"ulimit -v $(ulimit -v)\" leaves too little address space for Node.js, which needs 1572864"
is_low "$(ulimit -d 2>/dev/null)" 262144 && why="\"ulimit -d $(ulimit -d)\" leaves too little data for Node.js, which needs 262144"
is_low "$(ulimit -s 2>/dev/null)" 1024 && why="\"ulimit -s $(ulimit -s)\" leaves too little stack for Node.js, which needs 1024"
is_low "$(ulimit -n 2>/dev/null)" 64 && why="\"ulimit -n $(ulimit -n)\" leaves too little open files for Node.js, which needs 64"
is_low "$(ulimit -t 2>/dev/null)" 60 && why="\"ulimit -t $(ulimit -t)\" leaves too little CPU time for Node.js, which needs 60"
[ -r "$script" ] || why="pmake's own files were not found"
command -v node >/dev/null 2>&1 || why="there is no Node.js on PATH"
if [ -z "$why" ]; then
  # These variables are meant for make; the Node.js that runs pmake must not read them.
  for name in $(env | sed -n 's/^\(NODE_[A-Za-z0-9_]*\|UV_[A-Za-z0-9_]*\|OPENSSL_CONF\)=.*/\1/p'); do
    eval "export _PMAKE_HIDDEN_$name=\"\$$name\""
    unset "$name"
  done
  exec node "$script" "$@"
fi

# Plain make. After more than ten pmakes without a make in between, the program called make calls pmake.
chain=0
case ${PMAKE_CHAIN-} in
  "${MAKELEVEL-}"/*) chain=${PMAKE_CHAIN##*/} ;;
esac
make=${PMAKE_MAKE-}
for name in gmake make; do
  [ -n "${PMAKE_MAKE-}" ] || ! command -v "$name" >/dev/null 2>&1 || make=$name
done
if [ -z "$make" ]; then
  echo "pmake: make was not found: there is no make or gmake on PATH, and PMAKE_MAKE is not set" >&2
  exit 127
fi
case $(readlink -f "$(command -v "$make")" 2>/dev/null) in
  */pmake | */pmake.cjs) chain=10 ;;
esac
if [ "$chain" -ge 10 ]; then
  echo "pmake: \"$make\" leads back to pmake; set PMAKE_MAKE to the real make" >&2
  exit 127
fi
export PMAKE_LOCAL=1 PMAKE_CHAIN="${MAKELEVEL-}/$((chain + 1))"

# pmake's own switches are removed, or refused if they need Node.js; the other arguments keep their order.
own=yes
for word; do
  shift
  [ "$word" != -- ] || own=
  case $own$word in
    yes--pmake-local) continue ;;
    yes--pmake-*)
      echo "pmake: $word needs Node.js, which cannot run here" >&2
      exit 2
      ;;
  esac
  set -- "$@" "$word"
done

if [ -n "${PMAKE_SUMMARY-}" ]; then
  [ "$PMAKE_SUMMARY" = 0 ] || echo "pmake: all of it here, by plain make: $why" >&2
elif [ -t 2 ]; then
  echo "pmake: all of it here, by plain make: $why" >&2
fi
exec "$make" "$@"
