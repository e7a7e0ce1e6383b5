#!/bin/sh
# Makes the Debian packages of one architecture from its static programs:
#
#   package.sh ARCH PROGRAM WARNING FOLDER   (ARCH: arm64, amd64)
#
# Equal programs and sources give equal packages. From the environment: VERSION and
# SOURCE_DATE_EPOCH instead of those of the repository, UPDATE_PUB, a file of the
# public keys that updates may be signed with; COMPRESSION, none where time counts.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
if [ $# -ne 4 ]; then sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
arch=$1 program=$(realpath "$2") warning=$(realpath "$3") out=$4
case "$arch" in arm64|amd64) ;; *) echo "package.sh: architecture $arch; want arm64 or amd64" >&2; exit 2 ;; esac
for file in "$program" "$warning"; do
  [ -x "$file" ] || { echo "package.sh: $file: no program; make $arch builds it" >&2; exit 1; }
done

VERSION=${VERSION:-$("$here/version.sh")}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$tree" show -s --format=%ct HEAD)}
export SOURCE_DATE_EPOCH
maintainer=${MAINTAINER:-Kensa <kensa@localhost>}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
(cd "$here/nfpm" && GOFLAGS= CGO_ENABLED=0 go build -o "$work/nfpm" github.com/goreleaser/nfpm/v2/cmd/nfpm)
(cd "$tree" && GOFLAGS= CGO_ENABLED=0 go run ./cross-build/bundle manifest --version "$VERSION" --arch "$arch") > "$work/manifest.json"

mkdir -p "$out"
for name in kensa kensa-warning kensa-kiosk; do
  of=$arch
  [ "$name" = kensa-kiosk ] && of=all
  sed -e "s|@ARCH@|$arch|" -e "s|@VERSION@|$VERSION|" -e "s|@HERE@|$here|" -e "s|@TREE@|$tree|" -e "s|@PROGRAM@|$program|" \
    -e "s|@WARNING@|$warning|" -e "s|@MANIFEST@|$work/manifest.json|" -e "s|@KEYS@|${UPDATE_PUB:-$here/update.pub}|" \
    -e "s|@COMPRESSION@|${COMPRESSION:-xz}|" -e "s|@MAINTAINER@|$maintainer|" -e "s|@DATE@|$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)|" "$here/$name.yaml" > "$work/$name.yaml"
  "$work/nfpm" package --config "$work/$name.yaml" --packager deb --target "$work/$name.deb" > "$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 1; }
  mv "$work/$name.deb" "$out/${name}_${VERSION}_$of.deb"
  echo "$out/${name}_${VERSION}_$of.deb"
done
