#!/bin/sh
# Unpacks the part of Linux (Debian's linux-source-VERSION) that `make tinyconfig vmlinux` needs into the empty DIR.
#
# Called as: kernel-source.sh DIR VERSION
#
# Drivers and file systems that no tiny configuration compiles are left out, which makes a copy of the tree four times
# smaller. Their Kconfig files stay, because every Kconfig file is read in any configuration.
set -eu
directory=$1 top=linux-source-$2
archive=/usr/src/$top.tar.xz
[ -r "$archive" ] || {
  echo "no $archive: apt-get install $top" >&2
  exit 1
}
shift 2
set -f # the patterns are tar's
for driver in gpu net media scsi staging infiniband misc usb clk pinctrl video iio crypto input hwmon mtd s390 md soc \
  comedi phy regulator mmc hid; do
  set -- "$@" "--exclude=$top/drivers/$driver/*.[ch]"
done
for path in 'fs/btrfs/*.[ch]' 'fs/xfs/*.[ch]' 'fs/nls/*.[ch]' 'sound/*.[ch]' 'samples/*.[ch]' 'arch/[!x]*/*.[chS]' \
  'arch/[!x]*/*.dts*' 'arch/[!x]*/*_defconfig' tools/testing tools/perf 'Documentation/*/*'; do
  set -- "$@" "--exclude=$top/$path"
done
exec tar -xJf "$archive" -C "$directory" --strip-components=1 --wildcards "$@"
