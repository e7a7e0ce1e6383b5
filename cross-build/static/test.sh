#!/bin/sh
# Runs the tests of a static build for ARCH on this machine, in an emulation of
# its CPU where it is another.
#
#   test.sh ARCH          all Go tests that need no display, then compares what
#                         is found in frames of all products with this machine's
#                         own build
#   test.sh ARCH short    the tests of the kernel and of what is near the
#                         machine; one product, which takes vision's other
#                         packages along
#
# A test may start its own program again. For that the kernel must know the
# emulator; it is told in a namespace of its own (Linux 6.7), so that nothing of
# this machine changes. Where that cannot be, the tests that do so are left out,
# and this says so.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/say.sh"
arch=$1 form=${2:-long}
cd "$here/../.."

case "$arch" in
amd64) emulator= ;;
arm64) emulator=qemu-aarch64-static magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00' ;;
armhf) emulator=qemu-arm-static magic='\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00' ;;
*) echo "usage: test.sh amd64|arm64|armhf [short]" >&2; exit 2 ;;
esac
[ -z "$emulator" ] || want "$emulator" qemu-user-static
emulator=$(command -v "${emulator:-true}")

if [ "$form" = short ]; then
  packages="./vision/hotpath ./vision/opencv ./vision/defect ./firmware/version ./hw/line ./hw/trigger"
  products="logic"
else
  packages=$(go list ./... | grep -v -e /display -e /cross-build -e /vm)
  products="logic memory power sensor"
fi

# under COMMAND ...: where the kernel starts the emulator by itself.
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
under() {
  # shellcheck disable=SC2016 # for the inner shell
  unshare -Ur --mount sh -c '
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    printf %s ":kensa:M::$1:$2:$3:F" >/proc/sys/fs/binfmt_misc/register
    shift 3
    exec "$@"' sh "$magic" "$mask" "$emulator" "$@"
}

run= skip=
if [ "$emulator" != "$(command -v true)" ]; then
  if under true 2>/dev/null; then
    run="under"
  else
    say "the kernel has no binfmt_misc for namespaces: tests that start their own program are left out"
    skip="-exec $emulator -skip ^(TestScripts?|TestKill.*)$"
  fi
fi

libs=$("$here/build.sh" "$arch")
# tests [FLAG...] PACKAGE...
tests() (
  eval "$("$here/env.sh" "$arch" "$libs")"
  # shellcheck disable=SC2086 # lists of words
  CGO_LDFLAGS="$CGO_LDFLAGS -static" $run go test -p 1 -short -timeout 60m $skip "$@"
)
say "tests for $arch"
# shellcheck disable=SC2086 # a list of words
tests $packages
# How long SVE's vectors are the compiler does not know: 512 bits above, and here
# as long as on today's CPUs, and longer than the kernel needs.
if [ "$arch" = arm64 ]; then
  for bytes in 16 32 256; do
    say "the kernel with vectors of $((8 * bytes)) bits"
    export QEMU_CPU="max,sve-default-vector-length=$bytes"
    tests -count=1 -run "Agree|Around|Extremes|Protected|Spares" ./vision/hotpath
    unset QEMU_CPU
  done
fi

# What this machine's own build finds in frames, and what that for ARCH finds in
# the same ones.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
say "the same frames on both: $products"
go build -tags "${TAGS:-customenv,gocv_specific_modules}" -o "$work/here" ./cross-build/equal
(
  eval "$("$here/env.sh" "$arch" "$libs")"
  go build -ldflags "-linkmode external -extldflags '$KENSA_EXTLDFLAGS'" -o "$work/there" ./cross-build/equal 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
)
# shellcheck disable=SC2086 # a list of words
"$work/here" draw "$work/frames" $products
"$work/here" inspect "$work/frames" >"$work/here.txt"
case "$arch" in
amd64) "$work/there" inspect "$work/frames" >"$work/there.txt" ;;
*) "$emulator" "$work/there" inspect "$work/frames" >"$work/there.txt" ;;
esac
mkdir -p dist
if ! "$work/here" compare "$work/here.txt" "$work/there.txt" >"dist/equal-$arch.txt"; then
  head -40 "dist/equal-$arch.txt" >&2
  fail "$arch finds not the same as this machine" "all of the difference: dist/equal-$arch.txt"
fi
say "$(cat "dist/equal-$arch.txt")"
