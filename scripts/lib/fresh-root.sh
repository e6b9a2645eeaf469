# Sourced by scripts/fresh: cached root directories of minimal Debians, with this machine's apt settings and Node.js.
# Expects $CACHE, $suite, $mirror, $node, $renew, $me, die(), contain() and install_without_daemons(); sets $unfinished.
# Unaware of what is done in them.

# Packages that the README asks for, in addition to Debian's smallest system (Node.js is installed separately).
readonly README_PACKAGES=make,gcc,libc6-dev
# Debian changes: sid daily, the others with their updates.
readonly CACHED_DAYS=7
# Increase this when the contents of the roots change.
readonly ROOT_VERSION=1
readonly LOG_LINES=15

need_programs() {
  local program missing=''
  for program in git:git unshare:util-linux setpriv:util-linux flock:util-linux pivot_root:util-linux; do
    command -v "${program%%:*}" >/dev/null || missing+=" ${program#*:}"
  done
  [ -z "$missing" ] || die "missing:$missing"
  command -v node >/dev/null && command -v npm >/dev/null || [ "$node" = debian ] ||
    die "there is no Node.js with npm to copy: install it, or use --debian-node"
  command -v debootstrap >/dev/null && return
  command -v apt-get >/dev/null || die "debootstrap is missing, and there is no apt-get to install it with"
  echo "$me: installing debootstrap"
  install_without_daemons debootstrap debian-archive-keyring
  command -v debootstrap >/dev/null || die "debootstrap could not be installed"
}

# --- this machine's apt ----------------------------------------------------------------------------------------------

# Prints the address at which this machine's apt finds the suites whose name matches the pattern.
apt_archive() { # PATTERN
  apt-get --print-uris update 2>/dev/null | sed -nE "s#^'([^']+)/dists/($1)/InRelease'.*#\\1#p" | head -n 1
}

# Prints its network settings: proxies, certificates, tolerance of wrong clocks.
apt_settings() {
  apt-config dump --format '%F "%v";%n' | grep -E '^Acquire::(http|https|ftp|socks|Check-|Max-|Retries|By-Hash)' || :
}

# Prints the proxy through which apt reaches the mirror; nothing if none exists.
apt_proxy() {
  local helper=/usr/lib/apt/apt-helper
  [ ! -x $helper ] || $helper auto-detect-proxy "$mirror" 2>/dev/null | sed -n "s/^Using proxy '\([^']*\)'.*/\1/p"
}

write_sources() { # ROOT
  local security
  rm -rf "$1/etc/apt/sources.list.d/"*
  {
    echo "deb $mirror $suite main"
    if [ "$suite" != sid ]; then
      echo "deb $mirror $suite-updates main"
      security=$(apt_archive '[a-z]+-security')
      [ -z "$security" ] || echo "deb $security $suite-security main"
    fi
  } >"$1/etc/apt/sources.list"
  # The root does not have the program that detects the proxy, so the detected proxy is written instead.
  { apt_settings | grep -viE 'proxy-auto-?detect' || :; } >"$1/etc/apt/apt.conf.d/90-machine"
  [ -z "$proxy" ] || echo "Acquire::http::Proxy \"$proxy\";" >>"$1/etc/apt/apt.conf.d/90-machine"
}

# --- the cached root -------------------------------------------------------------------------------------------------

# Whether the cached root is complete, recent, and made from the same packages.
is_current() {
  [ -z "$renew" ] && [ "$(cat "$CACHE/$suite.stamp" 2>/dev/null)" = "$(stamp)" ] && [ -d "$CACHE/$suite" ] &&
    [ -n "$(find "$CACHE/$suite.stamp" -mtime "-$CACHED_DAYS")" ]
}

stamp() { echo "$ROOT_VERSION $mirror $README_PACKAGES"; }

make_cached_root() {
  local new=$CACHE/$suite.new log=$CACHE/$suite.log proxy packages=$README_PACKAGES
  echo "$me: making a minimal $suite (debootstrap; a minute)"
  proxy=$(apt_proxy)
  [[ $mirror != https:* ]] || packages+=,ca-certificates
  rm -rf --one-file-system "$CACHE/$suite.stamp" "$CACHE/$suite" "$new" "$CACHE/$suite.archives"
  unfinished=$new
  [ -z "$proxy" ] || local -x http_proxy=$proxy
  contain debootstrap --variant=minbase --include="$packages" "$suite" "$new" "$mirror" </dev/null >"$log" 2>&1 ||
    die "debootstrap failed: $(tail -n $LOG_LINES "$log")"
  write_sources "$new"
  put_network "$new"
  in_root "$new" 'apt-get -qq update' >>"$log" 2>&1 ||
    die "apt-get update failed in the new $suite: $(tail -n $LOG_LINES "$log")"
  rm -f "$new"/var/cache/apt/archives/*.deb "$new/etc/machine-id"
  mv "$new" "$CACHE/$suite"
  unfinished=''
  stamp >"$CACHE/$suite.stamp"
}

# Runs a shell command line in ROOT, before it is a machine.
in_root() { # ROOT LINE
  contain env -i DEBIAN_FRONTEND=noninteractive PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /usr/sbin/chroot "$1" sh -c "$2" </dev/null
}

# Copies this machine's configuration of name resolution.
put_network() { # ROOT
  rm -f "$1/etc/resolv.conf"
  cat /etc/resolv.conf >"$1/etc/resolv.conf" 2>/dev/null || :
}

# Creates a writable copy, under the lock that also protects the creation of the cached root.
copy_cached_root() { # ROOT
  mirror=${mirror:-$(apt_archive '[a-z]+')}
  [ -n "$mirror" ] || die "this machine's apt knows no Debian archive: give one with --mirror URL"
  exec 8>"$CACHE/$suite.lock"
  flock 8
  is_current || make_cached_root
  cp -a --reflink=auto "$CACHE/$suite" "$1"
  mkdir -p "$CACHE/$suite.archives"
  # Packages that earlier runs installed are not downloaded again.
  find "$CACHE/$suite.archives" -name '*.deb' -exec cp -t "$1/var/cache/apt/archives" --reflink=auto {} +
  exec 8>&-
  put_network "$1"
}

# Called at the end of every run, including failed ones.
keep_archives() { # ROOT
  [ -d "$1/var/cache/apt/archives" ] && [ -d "$CACHE/$suite.archives" ] || return 0
  find "$1/var/cache/apt/archives" -maxdepth 1 -name '*.deb' -exec mv -n -t "$CACHE/$suite.archives" {} + || :
}

# --- Node.js ---------------------------------------------------------------------------------------------------------

put_node() { # ROOT
  put_npm_settings "$1"
  if [ "$node" = debian ]; then
    echo "$me: installing the suite's nodejs and npm"
    in_root "$1" 'apt-get install -qq -y --no-install-recommends nodejs npm' >"$1.log" 2>&1 ||
      die "nodejs and npm could not be installed: $(tail -n $LOG_LINES "$1.log")"
    return
  fi
  local program npm
  program=$(node -p process.execPath)
  npm=$(npm_directory "$program")
  [ -n "$npm" ] || die "this machine's npm is not one directory that can be copied; use --debian-node"
  mkdir -p "$1/usr/local/bin" "$1/usr/local/lib/node_modules"
  cp "$program" "$1/usr/local/bin/node"
  cp -a "$npm" "$1/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$1/usr/local/bin/npx"
  in_root "$1" 'npm --version' >/dev/null ||
    die "this machine's Node.js does not run in $suite (libraries of its own?); use --debian-node"
}

# Prints npm's directory, if npm is installed as published, with all its dependencies below it.
npm_directory() { # NODE
  local directory
  for directory in "$(dirname "$(dirname "$(realpath "$(command -v npm)")")")" "$(dirname "$(dirname "$1")")/lib/node_modules/npm"; do
    grep -qs '"name": "npm"' "$directory/package.json" && [ -d "$directory/node_modules/semver" ] &&
      echo "$directory" && return
  done
}

# Writes this machine's npm settings to every file in which an npm may look for them.
put_npm_settings() { # ROOT
  local key value file
  for key in registry proxy https-proxy noproxy strict-ssl cafile; do
    value=$(cd / && npm config get "$key" 2>/dev/null) || continue
    case $value in '' | null | undefined) continue ;; esac
    if [ $key = cafile ]; then
      cp "$value" "$1/usr/local/share/npm-ca.pem"
      value=/usr/local/share/npm-ca.pem
    fi
    mkdir -p "$1/usr/local/etc"
    for file in /etc/npmrc /usr/local/etc/npmrc; do echo "$key=$value" >>"$1$file"; done
  done
}
