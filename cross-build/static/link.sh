#!/bin/sh
# Links dist/kensa-linux-ARCH and dist/kensa-warning-linux-ARCH: one static
# file each, the same bytes wherever and whenever they are built from the same
# commit. Beside each lies its bill of materials (.cdx.json); dist/SHA256SUMS has
# the hashes of all that is there.
#
#   link.sh ARCH     ARCH: amd64, arm64, armhf
#
# From the Makefile come TAGS, VERSION, DATE (of the commit), and in SAID and
# SAID_WARNING what the linker tells the programs of their source.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/say.sh"
arch=$1
cd "$here/../.."
mkdir -p dist

libs=$("$here/build.sh" "$arch")
eval "$("$here/env.sh" "$arch" "$libs")"

temp=$(mktemp -d dist/.link-XXXXXX)
trap 'rm -rf "$temp"' EXIT
trap 'exit 130' INT TERM HUP

say "linking kensa for $arch"
# The linker warns of functions that load shared libraries when called (dlopen,
# in OpenCV's plug-ins and its OpenCL loader): nothing calls them here.
nice -n 10 go build -trimpath -buildvcs=false -o "$temp/kensa-linux-$arch" \
  -ldflags "-s -w -buildid= -B none -linkmode external -extldflags '$KENSA_EXTLDFLAGS' ${SAID:-} -X kensa/firmware/version.Recipe=$(cut -c1-16 "$libs/recipe")" \
  ./firmware/cmd/kensa 2>"$temp/log" || { cat "$temp/log" >&2; fail "linking for $arch failed"; }
grep -Ev "statically linked applications requires|in function|^#|^[[:space:]]*$|/usr/bin/ld: " "$temp/log" >&2 || true
CGO_ENABLED=0 nice -n 10 go build -trimpath -buildvcs=false -tags '' -ldflags "-s -w -buildid= ${SAID_WARNING:-}" -o "$temp/kensa-warning-linux-$arch" ./warning/cmd/kensa-warning

for name in kensa kensa-warning; do
  made=$temp/$name-linux-$arch
  ! readelf -lW "$made" | grep -q INTERP || fail "$name for $arch is not static: it names a loader"
  for path in "$PWD" "$cache" "$(go env GOMODCACHE)" "$(go env GOROOT)"; do
    ! grep -qaF "$path" "$made" || fail "$name for $arch has a path of this machine in it: $path"
  done
  size=$(stat -c %s "$made")
  # A PC's OpenCV has each kernel for five instruction sets; its size matters less.
  limit=30000000
  [ "$arch" != amd64 ] || limit=40000000
  [ "$size" -lt "$limit" ] || fail "$name for $arch: $size bytes; limit $limit"
done

# bill NAME ARGUMENT ...: its bill of materials.
bill() {
  name=$1
  shift
  env GOOS= GOARCH= CGO_ENABLED=0 GOFLAGS= go run ./cross-build/sbom -program "$temp/$name-linux-$arch" -version "${VERSION:-unknown}" -date "${DATE:-}" "$@" \
    -o "$temp/$name-linux-$arch.cdx.json"
}
bill kensa -manifest "$libs/manifest" -page firmware/display/web/package-lock.json
bill kensa-warning
for made in "$temp"/kensa*; do
  mv "$made" dist/
  say "dist/$(basename "$made"): $(stat -c %s "dist/$(basename "$made")") bytes"
done
(cd dist && sha256sum kensa*-linux-* >"../$temp/SHA256SUMS" && mv "../$temp/SHA256SUMS" .)
