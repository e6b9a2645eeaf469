# Sets up what builds are compared with, and compares them. To be sourced by scripts/bench-kernel and bench-cpp, which set
# root, me, project and packages, and pass their words on.
. "$root/scripts/lib/setup.sh"
. "$root/scripts/lib/test-packages.sh"
[ "$(id -u)" = 0 ] || die "nodes are made of namespaces, which needs root: run it with sudo"
missing=$(missing_of distcc icecc openssh-server iproute2 gcc make $packages)
if [ -n "$missing" ]; then
  echo "$me: installing $missing"
  install_without_daemons $missing
fi
need_tools
install_packages
build_when_stale
exec node "$root/scripts/lib/bench-builds.js" "$project" "$@"
