#!/bin/sh
# peers.sh — extracts the peers that the benchmarks compare with (kubectl 1.20, consul 1.8) and prints the folder with their
# binaries. Packages come from the Debian mirror that this machine's own apt is configured for; nothing is installed.
# Cached under $NSCTL_LAB (default ~/.cache/nsctl-lab).
set -eu
lab=${NSCTL_LAB:-$HOME/.cache/nsctl-lab}
peers=$lab/peers
if [ ! -x "$peers/usr/bin/kubectl" ] || [ ! -x "$peers/usr/bin/consul" ]; then
  # a new machine has no lists yet
  [ -n "$(apt-get indextargets --format '$(ORIGIN)' 'Created-By: Packages')" ] || apt-get -qq update >&2
  mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "Debian" { print $2; exit }')
  [ -n "$mirror" ] || { echo "peers.sh: apt on this machine knows no Debian mirror" >&2; exit 1; }
  mkdir -p "$peers" "$lab/apt/lists/partial"
  fetch() {
    echo "deb [trusted=yes check-valid-until=no] $mirror $1 main" >"$lab/apt/$1.list"
    options="-o Dir::Etc::sourcelist=$lab/apt/$1.list -o Dir::Etc::sourceparts=- -o Dir::State::Lists=$lab/apt/lists"
    # shellcheck disable=SC2086
    apt-get -qq $options update >&2
    # shellcheck disable=SC2086
    (cd "$lab/apt" && apt-get -qq $options download "$2" >&2 && dpkg -x "$2"_*.deb "$peers")
  }
  fetch bookworm kubernetes-client
  fetch bullseye consul
fi
echo "$peers/usr/bin"
