#!/bin/sh
# Writes sources.lock anew: what the distribution has now, by its signed index.
#
#   lock.sh                            writes sources.lock
#   lock.sh --one ARCH PACKAGE FILE    prints the line of one file, however it is
#                                      now revised
#
# apt's own lists and architectures stay as they are: this keeps its own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/say.sh"
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/sources"
want apt-get apt

# The distribution's lists, with sources, and nobody else's.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ ! -f "$list" ] || grep -E '^deb .*[ /]debian(-security)?/? ' "$list" | sed -E 'p; s/^deb /deb-src /' >>"$state/sources/lists.list" || true
done
for list in /etc/apt/sources.list.d/*.sources; do
  [ ! -f "$list" ] || ! grep -q '^URIs:.*/debian' "$list" || sed 's/^Types:.*/Types: deb deb-src/' "$list" >"$state/sources/$(basename "$list")"
done

apt() {
  apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$state/sources" -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" \
    -o APT::Sandbox::User=root -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o APT::Architectures::=armhf "$@"
}

# A list of an architecture that is not asked for may be missing.
apt update >"$state/log" 2>&1 || grep '^E:' "$state/log" >&2 || true

# Prints: arch package version path sha256. apt's quoted URI is decoded; the
# version comes from the index, where a file name has lost its epoch.
print() {
  case $1 in
  source) uris=$(apt --print-uris --only-source source "$2") ;;
  *) uris=$(apt --print-uris download "$2:$1") ;;
  esac
  echo "$uris" | sed -n "s/^'\([^']*\)' [^ ]* [0-9]* SHA256:\([0-9a-f]*\)\$/\1 \2/p" | while read -r uri sha256; do
    path=$(echo "$uri" | sed -E 's|^.*/(pool/)|\1|; s/%2b/+/g; s/%3a/:/g; s/%7e/~/g')
    case $path in
    *.dsc | *contrib*) continue ;; # signed indices have the hashes; contrib is not built
    esac
    case $1 in
    source) version=$(echo "$uris" | sed -n "s|^'.*/[^_]*_\(.*\)\.dsc' .*|\1|p" | sed 's/%2b/+/g; s/%7e/~/g') ;;
    *) version=$(basename "$path" | cut -d_ -f2) ;;
    esac
    echo "$1 $2 $version $path $sha256"
  done
}

# The kind of a file is what its name has left without its revision.
kind() { echo "$1" | sed -E 's/^.*\.(orig|debian)\.tar\..*$/\1/; s/^.*\.deb$/deb/'; }

if [ "${1:-}" = --one ]; then
  print "$2" "$3" | while read -r line; do
    [ "$(kind "${line% *}")" != "$(kind "$4")" ] || echo "${line#* * }"
  done
  exit
fi

{
  echo "# Written by lock.sh: arch package version path sha256"
  print source opencv
  print source highway
  for arch in amd64 arm64 armhf; do
    for package in libc6-dev zlib1g-dev libpng-dev libjpeg62-turbo-dev; do print "$arch" "$package"; done
  done
} >"$state/lock"
[ "$(grep -vc '^#' "$state/lock")" -eq 16 ] || fail "the distribution's index has not all that is needed: $(grep '^E:' "$state/log" | head -1)" "try again, or another mirror"
mv "$state/lock" "$here/sources.lock"
