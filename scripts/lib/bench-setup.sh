# Sets up a benchmark on scripts/cluster. Sourced by a script that has set root, me, and in packages the Debian packages
# that it needs.
. "$root/scripts/lib/setup.sh"
. "$root/scripts/lib/test-packages.sh"
[ "$(id -u)" = 0 ] || die "nodes are made of namespaces, which needs root: run it with sudo"
missing=$(missing_of $packages)
if [ -n "$missing" ]; then
  echo "$me: installing $missing"
  install_without_daemons $missing
fi
need_tools
install_packages
build_when_stale
