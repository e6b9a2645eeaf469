#!/bin/bash
# Pid 1 of a run of scripts/fresh, in new namespaces: it mounts what a running machine has below its root, makes that
# the root, and runs the commands in the clone, one after the other. Its mounts are not visible outside.
#
# Called as: fresh-init.sh RUN STYLE PLACE SHARED GROUP COMMAND...
#   RUN      the run's directory; root/ in it is the new root, and results gets a line for each command:
#            status, seconds, command, and the last line that it printed unless that is a terminal (tabs between)
#   STYLE    machine, or chroot, whose root is a plain directory
#   PLACE    where the clone is, in the new root
#   SHARED   a directory to be visible read-only next to the clone, or nothing
#   GROUP    name of the run's control group in each hierarchy
set -eu -o pipefail
run=$1 style=$2 place=$3 shared=$4 group=$5
shift 5
top=$run/root

# Creates /dev as udev does, as far as builds and tests need it.
mount_devices() {
  local name numbers
  mount -t tmpfs -o mode=755,nosuid dev "$top/dev"
  while read -r name numbers; do
    # shellcheck disable=SC2086
    mknod -m 666 "$top/dev/$name" c $numbers
  done <<'DEVICES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
DEVICES
  mkdir "$top/dev/pts" "$top/dev/shm" "$top/dev/net"
  mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$top/dev/pts"
  ln -s pts/ptmx "$top/dev/ptmx"
  mount -t tmpfs -o mode=1777,nosuid,nodev shm "$top/dev/shm"
  ln -s /proc/self/fd "$top/dev/fd"
  ln -s /proc/self/fd/0 "$top/dev/stdin"
  ln -s /proc/self/fd/1 "$top/dev/stdout"
  ln -s /proc/self/fd/2 "$top/dev/stderr"
  [ ! -e /dev/net/tun ] || mknod -m 666 "$top/dev/net/tun" c 10 200
  [ ! -e /dev/fuse ] || mknod -m 666 "$top/dev/fuse" c 10 229
}

# Mounts the run's own groups in place of the machine's whole hierarchies.
mount_groups() {
  local mount link
  [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t tmpfs -o mode=755 cgroup "$top/sys/fs/cgroup"
  for mount in $(awk '($3 == "cgroup" || $3 == "cgroup2") && $2 ~ "^/sys/fs/cgroup" { print $2 }' /proc/self/mounts); do
    [ -d "$mount/$group" ] || continue
    mkdir -p "$top$mount"
    mount --bind "$mount/$group" "$top$mount"
  done
  for link in /sys/fs/cgroup/*; do [ ! -L "$link" ] || cp -P "$link" "$top/sys/fs/cgroup/"; done
}

mount_all() {
  [ "$style" = chroot ] || mount --bind "$top" "$top"
  mount -t proc -o nosuid,nodev,noexec proc "$top/proc"
  mount -t sysfs -o nosuid,nodev,noexec sys "$top/sys"
  mount_groups
  mount_devices
  mount -t tmpfs -o mode=755,nosuid,nodev run "$top/run"
  mkdir -m 1777 "$top/run/lock"
  [ -z "$shared" ] || {
    mkdir -p "$top${place%/*}/shared"
    mount --bind "$shared" "$top${place%/*}/shared"
    mount -o remount,bind,ro "$top${place%/*}/shared"
  }
}

name_machine() {
  hostname "fresh-$(sed 's/^pmake-fresh-//; s/\..*//' <<<"$group")"
  hostname >"$top/etc/hostname"
  # This machine's entries for other hosts stay, because its mirror may be one of them.
  {
    printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n' "$(hostname)"
    grep -vE '^\s*(127\.|::1\b|#|$)' /etc/hosts || :
  } >"$top/etc/hosts"
}

# Runs in the new root. Pid 1 must reap orphans of the commands, which a waiting shell does.
run_commands() { # PLACE COMMAND...
  local place=$1 command started status verdict
  shift
  umount -l /mnt 2>/dev/null || :
  trap 'exit 130' INT TERM HUP
  cd "$place"
  for command; do
    printf '\n$ %s\n' "$command"
    started=$SECONDS status=0 verdict=''
    if [ -t 1 ]; then
      bash -c "$command" 3>&- 9>&- || status=$?
    else
      bash -c "$command" 2>&1 3>&- 9>&- | tee /run/fresh-output
      status=${PIPESTATUS[0]}
      verdict=$(tail -n 1 /run/fresh-output | tr '\t' ' ')
    fi
    printf '%s\t%s\t%s\t%s\n' "$status" $((SECONDS - started)) "${command%%$'\n'*}" "$verdict" >&3
  done
  rm -f /run/fresh-output
}

# Closes the calling shell's descriptors, except for 9, the lock of the run, which is held as long as any process lives.
close_inherited() {
  local fd
  for fd in $(ls /proc/$$/fd); do
    [ "$fd" -le 2 ] || [ "$fd" = 9 ] || [ "$fd" = 255 ] || eval "exec $fd>&-"
  done
}

close_inherited
mount_all
name_machine
exec 3>"$run/results"
cd "$top"
if [ "$style" = machine ]; then
  # Like systemd.
  pivot_root . mnt
  mount --make-rshared / 2>/dev/null || :
fi
proxies=()
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
  [ -z "${!name-}" ] || proxies+=("$name=${!name}")
done
exec env -i HOME=/root USER=root LOGNAME=root SHELL=/bin/bash LANG=C.UTF-8 TERM="${TERM:-dumb}" \
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${proxies[@]}" \
  /usr/sbin/chroot . /bin/bash -c "$(declare -f run_commands); run_commands \"\$@\"" fresh "$place" "$@"
