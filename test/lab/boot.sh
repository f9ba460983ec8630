#!/bin/sh
# boot.sh outside NAME ROOTFS DIR REPOSITORY [ro-etc]
# Boots ROOTFS with its own systemd as PID 1 of its own pid, mount, uts, ipc, net and cgroup namespaces, over a copy-on-write
# layer in DIR that outlives the node, so that a reboot finds its files. REPOSITORY appears read-only as /opt/nsctl. With
# `ro-etc`, /etc is read-only as on NixOS. Ends when the node's PID 1 ends; its mounts go with it, and nothing is mounted outside.
# Its cgroups are named nsctl-lab-NAME in every hierarchy; node.ts removes them.
set -eu
stage=$1 name=$2 rootfs=$3 dir=$4 repository=$5 etc=${6:-}

# mount point and controllers of each version 1 hierarchy, `name=systemd` included
hierarchies() {
  awk '$3 == "cgroup" { n = split($4, o, ","); c = ""
    for (i = 1; i <= n; i++) if (o[i] !~ /^(rw|ro|relatime|noatime|nosuid|nodev|noexec|xattr|release_agent=.*|clone_children)$/)
      c = c (c == "" ? "" : ",") o[i]
    print $2, c }' /proc/self/mounts
}

if [ "$stage" = outside ]; then
  mkdir -p "$dir/upper" "$dir/work" "$dir/root"
  { hierarchies; awk '$3 == "cgroup2" { print $2, "" }' /proc/self/mounts; } >"$dir/hierarchies"
  while read -r point controllers; do
    mkdir -p "$point/nsctl-lab-$name"
    case ",$controllers," in *,cpuset,*)
      cat "$point/cpuset.cpus" >"$point/nsctl-lab-$name/cpuset.cpus"
      cat "$point/cpuset.mems" >"$point/nsctl-lab-$name/cpuset.mems" ;;
    esac
    echo $$ >"$point/nsctl-lab-$name/cgroup.procs"
  done <"$dir/hierarchies"
  exec unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup \
    "$0" inside "$name" "$rootfs" "$dir" "$repository" "$etc"
fi

hostname "$name"
mount --make-rprivate /
version1=$(hierarchies)
mount -t overlay overlay -o "lowerdir=$rootfs,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
mkdir -p "$dir/root/opt/nsctl"
mount --rbind -o ro "$repository" "$dir/root/opt/nsctl"
mount -o remount,bind,ro "$dir/root/opt/nsctl"
cd "$dir/root"
echo "$name" >etc/hostname
printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$name" >etc/hosts
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
if [ -n "$version1" ]; then
  mount -t tmpfs tmpfs sys/fs/cgroup
  echo "$version1" | while read -r point controllers; do
    mkdir -p "sys/fs/cgroup/${point##*/}"
    case "$controllers" in name=*) controllers=none,$controllers ;; esac
    mount -t cgroup -o "$controllers" cgroup "sys/fs/cgroup/${point##*/}"
  done
  mkdir -p sys/fs/cgroup/unified
  mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
else
  mount -t cgroup2 cgroup2 sys/fs/cgroup
fi
if [ "$etc" = ro-etc ]; then
  mkdir -p etc/systemd/system
  mount --bind etc etc
  mount -o remount,bind,ro etc
fi
mkdir -p old
pivot_root . old
cd /
umount -l /old
mount --make-rshared /
ip link set lo up
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /usr/lib/systemd/systemd SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1 --system --unit=multi-user.target
