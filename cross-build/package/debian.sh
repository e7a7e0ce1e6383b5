#!/bin/sh
# Prints the path of an archive of a small Debian 12, made once and kept outside
# the tree: for the tests of the packages. Needs root and debootstrap.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kensa/debian
archive=$cache/bookworm-$(dpkg --print-architecture).tar
if [ ! -f "$archive" ]; then
  [ "$(id -u)" -eq 0 ] || { echo "debian.sh: making a Debian to test in needs root; packages are not installed" >&2; exit 0; }
  command -v debootstrap >/dev/null || { echo "debian.sh: debootstrap is not installed; apt-get install debootstrap" >&2; exit 0; }
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/.new-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM HUP
  echo "making a Debian to test in; this takes a minute, once" >&2
  # shellcheck disable=SC2086 # no mirror: debootstrap's own
  debootstrap --variant=minbase bookworm "$work/root" ${DEBIAN_MIRROR:-} > "$work/log" 2>&1 ||
    { tail -20 "$work/log" >&2; echo "debian.sh: debootstrap failed; is there a network? DEBIAN_MIRROR names another mirror" >&2; exit 1; }
  rm -rf "$work/root/var/cache/apt/archives" "$work"/root/var/lib/apt/lists/*
  tar -C "$work/root" --one-file-system --exclude=./proc/* --exclude=./sys/* -cf "$work/debian.tar" .
  mv "$work/debian.tar" "$archive"
fi
echo "$archive"
