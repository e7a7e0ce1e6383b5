#!/bin/sh
# Installs the Debian packages that are missing, and only those.
#
#   deps.sh build                what `make build` needs
#   deps.sh test                 that, and the real peers that the tests talk to
#   deps.sh static ARCH ...      what the static programs of ARCH (amd64, arm64, armhf) need
#   deps.sh emulate              what runs the tests of another ARCH
#   deps.sh package              what the tests of the packages need
#   deps.sh mrcal                what geometry's comparison with mrcal needs
#   deps.sh vm                   what `make vm` and `make test-vm` need
set -eu

build="g++ nodejs npm libhwy-dev
  libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev
  libopencv-calib3d-dev libopencv-dnn-dev libopencv-features2d-dev libopencv-flann-dev
  libopencv-highgui-dev libopencv-ml-dev libopencv-objdetect-dev libopencv-photo-dev
  libopencv-stitching-dev libopencv-video-dev libopencv-videoio-dev"
test="chromium mosquitto systemd minisign cage xwayland xvfb"
package="debootstrap systemd"
mrcal="gcc libc6-dev libmrcal-dev"
vm="gcc-aarch64-linux-gnu make qemu-system-arm xz-utils"

static="g++ make cmake patch xz-utils ca-certificates nodejs npm"
emulate="qemu-user-static"

usage() {
  echo "usage: deps.sh build|test|mrcal|vm|package|emulate|static ARCH ...  (ARCH: amd64, arm64, armhf)" >&2
  exit 2
}

case "${1:-}" in
build) wanted=$build ;;
test) wanted="$build $test" ;;
emulate) wanted=$emulate ;;
static)
  wanted=$static
  shift
  [ $# -gt 0 ] || usage
  for arch; do
    case "$arch" in
    amd64) ;;
    arm64) wanted="$wanted g++-aarch64-linux-gnu" ;;
    armhf) wanted="$wanted g++-arm-linux-gnueabihf" ;;
    *) usage ;;
    esac
  done
  ;;
mrcal) wanted=$mrcal ;;
vm) wanted=$vm ;;
package) wanted=$package ;;
*) usage ;;
esac

# A program that is there already, however it was installed, is enough.
have() {
  case "$1" in
  nodejs) command -v node >/dev/null ;;
  npm) command -v npm >/dev/null ;;
  *) dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii' ;;
  esac
}

missing=
for package in $wanted; do
  have "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "deps.sh: missing:$missing; install them as root, or install sudo" >&2; exit 1; }
  as_root=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086 # a list of words
$as_root apt-get install -q -y --no-install-recommends $missing
