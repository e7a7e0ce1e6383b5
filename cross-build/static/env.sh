#!/bin/sh
# Prints the settings with which go builds and tests statically for ARCH.
#
#   eval "$(cross-build/static/env.sh ARCH [FOLDER])"    FOLDER: what build.sh printed
set -eu
here=$(cd "$(dirname "$0")" && pwd)
arch=$1
libs=${2:-$("$here/build.sh" "$arch")}
case "$arch" in
amd64) triple=x86_64-linux-gnu go=amd64 flags= ;;
arm64) triple=aarch64-linux-gnu go=arm64 flags= ;;
armhf) triple=arm-linux-gnueabihf go=arm flags="-march=armv7-a -mfpu=neon -mfloat-abi=hard" ;;
*) echo "usage: env.sh amd64|arm64|armhf [FOLDER]" >&2; exit 2 ;;
esac
# fmahash: the Go compiler would fuse x*y+z to one rounding where the CPU can, as
# ARM's; without, results are the same on every machine. q: without saying so.
cat <<END
export GOOS=linux GOARCH=$go GOARM=7 CGO_ENABLED=1 CC=$triple-gcc CXX=$triple-g++
export GOFLAGS="-tags=${TAGS:-customenv,gocv_specific_modules},netgo,osusergo -gcflags=all=-d=fmahash=qn"
export CGO_CFLAGS="-O2 $flags" CGO_CPPFLAGS="-I$libs/include"
export CGO_CXXFLAGS="-O2 -std=c++17 -ffp-contract=off $flags -ffile-prefix-map=$libs=/kensa"
export CGO_LDFLAGS="-L$libs/lib -lopencv_calib3d -lopencv_features2d -lopencv_flann -lopencv_imgcodecs -lopencv_imgproc -lopencv_core -lpng16 -ljpeg -lz"
export KENSA_EXTLDFLAGS="-static -L$libs/lib -Wl,--build-id=none"
END
