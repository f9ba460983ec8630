#!/bin/sh
# rootfs.sh RELEASE — builds a Debian root file system with systemd for test nodes and prints its path.
# Cached under $NSCTL_LAB (default ~/.cache/nsctl-lab), keyed by release and this script; built once, whoever calls at the
# same time waits. Root only. Packages come from the mirror that this machine's own apt is configured for. What earlier
# versions of this script built stays until somebody removes it while no node runs on it.
set -eu
release=$1
packages=systemd,systemd-sysv,systemd-container,dbus,dbus-user-session,libpam-systemd,iproute2,procps
lab=${NSCTL_LAB:-$HOME/.cache/nsctl-lab}
root=$lab/$release-$(cksum <"$0" | cut -d' ' -f1)
mkdir -p "$lab"
exec 9>"$lab/$release.lock"
flock 9
if [ ! -d "$root" ]; then
  mirror() {
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
      awk '$1 == "Debian" { print $2; exit }'
  }
  # a new machine has no lists yet, and knows neither packages nor where they come from
  [ -n "$(mirror)" ] || apt-get -qq -o DPkg::Lock::Timeout=300 update >&2
  command -v mmdebstrap >/dev/null ||
    apt-get -qq -o DPkg::Lock::Timeout=300 install -y mmdebstrap >&2
  mirror=$(mirror)
  [ -n "$mirror" ] || { echo "rootfs.sh: apt on this machine knows no Debian mirror: run apt-get update" >&2; exit 1; }
  # with the lock held nobody builds this release, so what is half built was left behind; what is whole may be a checkout's
  # with another version of this script, and nodes may be running on it
  rm -rf --one-file-system "$lab/$release"-*.part
  mmdebstrap --quiet --variant=minbase --mode=root --include="$packages" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
    "$release" "$root.part" "$mirror" >&2
  # users' journals are kept apart only where the journal is persistent
  mkdir -p "$root.part/var/log/journal"
  useradd --root "$root.part" --create-home --uid 1000 --shell /bin/sh tester
  rm -f "$root.part/etc/machine-id"
  : >"$root.part/etc/machine-id"
  mv "$root.part" "$root"
fi
echo "$root"
