#!/bin/sh
# Builds the C++ libraries that kensa links statically, and prints the folder
# they lie in: include/, lib/, manifest (what they were built from), recipe (its
# hash), opencv (OpenCV's own account of how it was built).
#
#   build.sh ARCH          ARCH: amd64, arm64, armhf
#   build.sh --where ARCH  prints the folder, and fails if it is not there
#
# The folder is named by a hash of all that decides its content, so that a change
# of the recipe is a new folder, and it comes to its name whole or not at all.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/say.sh"

only_say=
[ "${1:-}" != --where ] || { only_say=1; shift; }
arch=${1:-}
# -ffp-contract=off: a*b+c is rounded twice on every machine, fused or not.
flags="-O2 -ffp-contract=off"
case "$arch" in
amd64) triple=x86_64-linux-gnu processor=x86_64 package=g++ options="-DCPU_BASELINE=SSE3 -DCPU_DISPATCH=SSE4_2,AVX2" ;;
arm64) triple=aarch64-linux-gnu processor=aarch64 package=g++-aarch64-linux-gnu options="-DCPU_BASELINE=NEON -DCPU_DISPATCH=" ;;
armhf)
  triple=arm-linux-gnueabihf processor=armv7-a package=g++-arm-linux-gnueabihf options="-DENABLE_NEON=ON -DCPU_BASELINE=NEON -DCPU_DISPATCH="
  flags="$flags -march=armv7-a -mfpu=neon -mfloat-abi=hard"
  ;;
*) echo "usage: build.sh [--where] amd64|arm64|armhf" >&2; exit 2 ;;
esac
[ -n "$only_say" ] || for tool in "$triple-g++ $package" "$triple-gcc $package" "cmake cmake" "make make" "patch patch" "xz xz-utils" "flock util-linux"; do
  # shellcheck disable=SC2086 # program, package
  want $tool
done

lock=${KENSA_SOURCES_LOCK:-$here/sources.lock}
recipe=$({ cat "$here/build.sh"; grep -E "^(source|$arch) " "$lock"; "$triple-g++" --version 2>/dev/null | head -1; } | sha256sum | cut -c1-64)
out=$cache/$arch-$(echo "$recipe" | cut -c1-16)
[ ! -d "$out" ] || { echo "$out"; exit; }
[ -z "$only_say" ] || fail "$out: not built" "cross-build/static/build.sh $arch builds it, in about 10 minutes on two cores"

mkdir -p "$cache"
exec 9>"$cache/$arch.lock"
flock -n 9 || { say "another build for $arch is at work; waiting for it"; flock 9; }
[ ! -d "$out" ] || { echo "$out"; exit; }
# The lock is ours: what lies here was left by a build that was killed.
rm -rf "$cache/.building-$arch-"*
work=$(mktemp -d "$cache/.building-$arch-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

log=$cache/$arch.log
: >"$log"
# run WHAT COMMAND ...: its output goes to the log, its end is shown on failure.
run() {
  what=$1
  shift
  say "$arch: $what"
  set +e
  (set -e; "$@") >>"$log" 2>&1 9>&- </dev/null # within || a function would go on after an error
  status=$?
  set -e
  [ $status -eq 0 ] || { tail -20 "$log" >&2; fail "$what failed for $arch" "the whole log: $log"; }
}

"$here/fetch.sh" "$arch" "$work/download" 9>&-

# Files of the manifest whose package is $1 and name matches $2.
file() {
  found=$(awk -v p="$1" '$2 == p {print $4}' "$work/download/manifest" | grep -E "$2") || fail "manifest: no $2 of $1" "sources.lock is damaged; git checkout it"
  echo "$work/download/$found"
}

# unpack PACKAGE: the upstream source with the distribution's patches, but those
# to contrib/, which is not built.
unpack() {
  mkdir -p "$work/$1"
  tar -x -f "$(file "$1" '\.orig\.tar')" -C "$work/$1" --strip-components=1
  tar -x -f "$(file "$1" '\.debian\.tar')" -C "$work/$1"
  grep -Ev '^(#|[[:space:]]*$)' "$work/$1/debian/patches/series" | while read -r name _; do
    ! grep '^+++ ' "$work/$1/debian/patches/$name" | grep -qv '^+++ [^/]*/contrib/' || patch -d "$work/$1" -p1 -s --batch --forward <"$work/$1/debian/patches/$name"
  done
}

# The libraries that the distribution has as archives. Its C library is newer
# than the cross compiler's: it has the security fixes.
archives() {
  mkdir -p "$work/root" "$work/out/lib" "$work/out/include"
  for package in libc6-dev zlib1g-dev libpng-dev libjpeg62-turbo-dev; do
    dpkg-deb -x "$(file "$package" '\.deb$')" "$work/root"
  done
  from=$work/root/usr/lib/$triple
  for name in libc libm libm-2.36 libmvec libpthread libdl librt libutil libresolv libz libpng16 libjpeg; do
    [ ! -e "$from/$name.a" ] || cp -L "$from/$name.a" "$work/out/lib/$name.a"
  done
  # On amd64 libm.a is a linker script that names files by their installed path.
  ! grep -Iq GROUP "$work/out/lib/libm.a" || echo 'GROUP ( libm-2.36.a libmvec.a )' >"$work/out/lib/libm.a"
  mkdir -p "$work/codecs"
  cp "$work/root/usr/include/zlib.h" "$work/root/usr/include/"jpeg*.h "$work/root/usr/include/"j*.h "$work/codecs/"
  cp "$work/root/usr/include/$triple/"zconf.h "$work/root/usr/include/$triple/"jconfig.h "$work/codecs/" 2>/dev/null || cp "$work/root/usr/include/zconf.h" "$work/codecs/"
  cp -r "$work/root/usr/include/libpng16/." "$work/codecs/"
}

highway() {
  objects=
  for name in aligned_allocator per_target print targets; do
    "$triple-g++" $flags -std=c++17 "-ffile-prefix-map=$work=/kensa" -I"$work/highway" -c "$work/highway/hwy/$name.cc" -o "$work/$name.o"
    objects="$objects $work/$name.o"
  done
  "$triple-ar" rcD "$work/out/lib/libhwy.a" $objects
  mkdir -p "$work/out/include/hwy"
  (cd "$work/highway/hwy" && find . -name '*.h' ! -path './tests/*' ! -path './contrib/*' -exec cp --parents {} "$work/out/include/hwy" \;)
}

configure() {
  off=
  for name in 1394 ADE ARAVIS AVFOUNDATION CAROTENE CLP CUDA DIRECTX EIGEN FFMPEG FLATBUFFERS GDAL GDCM GSTREAMER GTK HALIDE HPX IMGCODEC_HDR \
    IMGCODEC_PFM IMGCODEC_SUNRASTER INF_ENGINE IPP ITT JASPER LAPACK LIBV4L OPENCL OPENEXR OPENGL OPENJPEG OPENMP OPENVX PROTOBUF PTHREADS_PF QT QUIRC TBB TIFF V4L VTK VULKAN WEBP; do
    off="$off -DWITH_$name=OFF"
  done
  for name in DOCS EXAMPLES JAVA PERF_TESTS TESTS opencv_apps opencv_js opencv_python2 opencv_python3 opencv_python_bindings_generator opencv_java_bindings_generator opencv_objc_bindings_generator opencv_js_bindings_generator; do
    off="$off -DBUILD_$name=OFF"
  done
  # shellcheck disable=SC2086 # lists of words
  cmake -S "$work/opencv" -B "$work/build" -G 'Unix Makefiles' -DCMAKE_BUILD_TYPE=None -DCMAKE_INSTALL_PREFIX=/kensa \
    -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=$processor -DCMAKE_CROSSCOMPILING=ON \
    -DCMAKE_C_COMPILER=$triple-gcc -DCMAKE_CXX_COMPILER=$triple-g++ -DCMAKE_CXX_STANDARD=17 \
    -DCMAKE_C_FLAGS="$flags -ffile-prefix-map=$work=/kensa" -DCMAKE_CXX_FLAGS="$flags -ffile-prefix-map=$work=/kensa" \
    -DBUILD_SHARED_LIBS=OFF -DBUILD_LIST=core,imgproc,imgcodecs,calib3d,features2d,flann -DENABLE_PIC=OFF -DENABLE_PRECOMPILED_HEADERS=OFF \
    -DBUILD_ZLIB=OFF -DBUILD_PNG=OFF -DBUILD_JPEG=OFF -DOPENCV_GENERATE_PKGCONFIG=OFF -DOPENCV_DNN=OFF \
    -DZLIB_LIBRARY="$work/out/lib/libz.a" -DZLIB_INCLUDE_DIR="$work/codecs" \
    -DPNG_LIBRARY="$work/out/lib/libpng16.a" -DPNG_PNG_INCLUDE_DIR="$work/codecs" \
    -DJPEG_LIBRARY="$work/out/lib/libjpeg.a" -DJPEG_INCLUDE_DIR="$work/codecs" \
    -DBUILD_INFO_SKIP_TIMESTAMP=ON -DBUILD_INFO_SKIP_SYSTEM_VERSION=ON -DBUILD_INFO_SKIP_EXTRA_MODULES=ON $options $off
  # OpenCV's account of its build gets into the program: nothing of this machine
  # must be in it.
  sed -i -E "s|-ffile-prefix-map=[^ ]* *||; s|$work|/kensa|g; /^\"    Host: |Python \(for build\)/d" "$work/build/modules/core/version_string.inc"
}

# runtime prints the manifest's lines of what comes with the compiler.
runtime() {
  for name in libstdc++.a libgcc.a libgcc_eh.a; do
    path=$(readlink -f "$("$triple-g++" -print-file-name=$name)")
    owner=$(dpkg-query -S "$path" | cut -d' ' -f1 | sed 's/:$//')
    dpkg-query -W -f "$arch \${Package} \${Version}" "$owner"
    echo " $name $(hash_of "$path")"
  done
}

finish() {
  DESTDIR=$work/stage cmake --install "$work/build"
  cp -r "$work/stage/kensa/include/opencv4/." "$work/out/include/"
  find "$work/stage/kensa/lib" "$work/build/lib" -name 'libopencv_*.a' -exec cp {} "$work/out/lib/" \;
  mkdir -p "$work/out/licences"
  for package in opencv highway; do cp "$work/$package/debian/copyright" "$work/out/licences/$package"; done
  for package in libc6-dev zlib1g-dev libpng-dev libjpeg62-turbo-dev; do cp "$work/root/usr/share/doc/$package/copyright" "$work/out/licences/$package"; done
  sed -n 's/^"\(.*\)\\n"$/\1/p' "$work/build/modules/core/version_string.inc" >"$work/out/opencv"
  { cat "$work/download/manifest"; runtime; } >"$work/out/manifest"
  echo "$recipe" >"$work/out/recipe"
  if grep -rlF "$work" "$work/out"; then return 1; fi # a path of the build in what was built
}

run "unpacking the distribution's archives" archives
run "unpacking Highway" unpack highway
run "building Highway" highway
run "unpacking OpenCV" unpack opencv
run "configuring OpenCV" configure
run "building OpenCV; about 10 minutes on two cores" nice -n 10 make -C "$work/build" -j "${KENSA_JOBS:-$(nproc)}"
run "installing it" finish
mv "$work/out" "$out"
say "$arch: done"
echo "$out"
