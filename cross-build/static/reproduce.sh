#!/bin/sh
# Builds the last commit's static programs for ARCH twice, in two folders, each
# with an empty cache of Go's, and compares the bytes.
#
#   reproduce.sh ARCH
#   reproduce.sh ARCH all     also builds OpenCV anew for the second
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/say.sh"
arch=$1 all=${2:-}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# build FOLDER: prints its hashes.
build() {
  mkdir -p "$work/$1"
  git -C "$here" clone -q --no-hardlinks "$(git -C "$here" rev-parse --show-toplevel)" "$work/$1/kensa"
  git -C "$work/$1/kensa" checkout -q --detach "$commit"
  GOCACHE="$work/$1/gocache" make -s -C "$work/$1/kensa" "$arch" >&2
  cat "$work/$1/kensa/dist/SHA256SUMS"
}

commit=$(git -C "$here" rev-parse HEAD)
build a >"$work/a.sums"
[ -z "$all" ] || export KENSA_CACHE="$work/b/cache"
build a/much/deeper/folder >"$work/b.sums"
cat "$work/a.sums"
cmp "$work/a.sums" "$work/b.sums" || fail "two builds of $commit for $arch differ"
say "two builds of $commit for $arch are equal"
