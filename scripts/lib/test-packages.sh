# Sourced by scripts/test: the Debian packages that the tests use. Expects $me and die() of setup.sh.

# Each line has packages and, for the reader, their purpose.
readonly TEST_PACKAGES='
  gcc g++ make libc6-dev     the compilers under test
  clang libclang-rt-dev      the other compiler under test, with its sanitizers
  gobjc                      gcc for Objective-C
  ccache                     as a prefix of the compiler
  cmake                      makefiles that name the compiler by its path
  fakeroot                   a library that others preload
  openssh-server             real nodes
  iproute2                   scripts/cluster: nodes as network namespaces
  acl                        directories that hand an access control list down
  util-linux procps          scripts/cluster: nodes as mount and pid namespaces
  e2fsprogs kmod openssh-client     scripts/nfs-cluster: the disk of a file server, kernel modules, keys
  linux-source xz-utils bc bison flex libelf-dev libssl-dev     the kernel build
'
# Packages may be missing in other Debian releases: the tests that need one skip themselves.
readonly POLICY=/usr/sbin/policy-rc.d

install_test_packages() {
  local wanted missing
  wanted=$(sed -E 's/ {2,}[^ ].*$//' <<<"$(sed -E 's/^ +//' <<<"$TEST_PACKAGES")" | xargs)
  if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    echo "$me: not a Debian system: tests whose programs are missing skip themselves"
    return 0
  fi
  missing=$(missing_of $wanted)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "$me: not root, so these stay missing and the tests that need them skip themselves:" $missing
    return 0
  fi
  echo "$me: installing" $missing
  install_without_daemons $missing
  missing=$(missing_of $missing)
  [ -z "$missing" ] ||
    echo "$me: could not be installed, the tests that need them skip themselves:" $missing
}

missing_of() {
  local package
  for package; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done | xargs
}

# Debian starts a daemon as soon as its package is installed; this must not start sshd on port 22.
install_without_daemons() {
  local made='' log
  if ! [ -e "$POLICY" ]; then
    printf '#!/bin/sh\n# Made by scripts/test for the time of an installation: start no daemon.\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
    made=yes
    trap 'rm -f "$POLICY"' EXIT
    trap 'exit 130' INT TERM
  fi
  log=$(mktemp)
  if ! apt_install "$@" >"$log" 2>&1; then
    # Outdated package lists name files that are gone from the archive.
    apt-get update >>"$log" 2>&1 </dev/null || true
    if ! apt_install "$@" >>"$log" 2>&1; then
      # apt-get refuses the whole list if one name is unknown: install what exists.
      local package
      for package; do apt_install "$package" >>"$log" 2>&1 || tail -n 3 "$log" >&2; done
    fi
  fi
  rm -f "$log"
  if [ -n "$made" ]; then
    rm -f "$POLICY"
    trap - EXIT INT TERM
  fi
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" </dev/null
}
