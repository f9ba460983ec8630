#!/bin/sh
# deb.sh SUITE PACKAGE — extracts a package of a Debian release and prints the folder that it was extracted to.
# Nothing is installed: the release may be another than this machine's. Cached under $NSCTL_LAB (default ~/.cache/nsctl-lab);
# fetched once, whoever calls at the same time waits. Packages come from the mirror that this machine's own apt is
# configured for.
set -eu
suite=$1
package=$2
lab=${NSCTL_LAB:-$HOME/.cache/nsctl-lab}
root=$lab/debs/$suite/$package
mkdir -p "$lab/debs/$suite"
exec 9>"$lab/debs/lock"
flock 9
if [ ! -d "$root" ]; then
  mirror() {
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
      awk '$1 == "Debian" { print $2; exit }'
  }
  mirror=$(mirror)
  # a new machine has no lists yet, and does not know where they come from
  [ -n "$mirror" ] || { apt-get -qq -o DPkg::Lock::Timeout=300 update >&2; mirror=$(mirror); }
  [ -n "$mirror" ] || { echo "deb.sh: apt on this machine knows no Debian mirror: run apt-get update" >&2; exit 1; }
  work=$lab/debs/$suite/.work
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  echo "deb [trusted=yes check-valid-until=no] $mirror $suite main" >"$work/sources.list"
  apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
      -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User= "$@" >&2
  }
  apt update
  (cd "$work" && rm -f "$package"_*.deb && apt download "$package")
  rm -rf "$root.part"
  dpkg -x "$work/$package"_*.deb "$root.part"
  rm -f "$work/$package"_*.deb
  mv "$root.part" "$root"
fi
echo "$root"
