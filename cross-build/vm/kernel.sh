#!/bin/sh
# Makes the virtual machine's kernel and modules and prints the folder that
# holds them:
#
#   vmlinuz      the distribution's arm64 kernel
#   modules/     those named in the file modules beside this, and gpio-sim
#   busybox      a shell for `make vm`
#   packages     what all of it was taken from, with versions
#
# The folder lies in ${XDG_CACHE_HOME:-$HOME/.cache}/kensa under the hash of this
# recipe. It is made aside and renamed, so that it is there whole or not at all.
# The packages are fetched with apt's lists in a folder of their own and unpacked,
# not installed: the system's own packages and architectures stay as they are.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kensa
recipe=$(cat "$here/kernel.sh" "$here/modules" | sha256sum | cut -c1-16)
result=$cache/vm-kernel-$recipe

fail() { echo "vm kernel: $1" >&2; exit 1; }

[ ! -d "$result" ] || { echo "$result"; exit 0; }

for tool in aarch64-linux-gnu-gcc make dpkg-deb apt-get flock xz; do
  command -v "$tool" >/dev/null || fail "$tool: not found; cross-build/deps.sh vm installs it"
done

mkdir -p "$cache"
exec 9>"$cache/vm-kernel.lock"
flock 9
[ ! -d "$result" ] || { echo "$result"; exit 0; } # another has made it meanwhile

work=$(mktemp -d "$cache/.vm-kernel.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/debs" "$work/root" "$work/out/modules"
log=$work/log

# apt with lists of its own, for this machine's architecture and arm64.
host=$(dpkg --print-architecture)
apt() {
  program=$1
  shift
  "$program" -q -o APT::Architectures::="$host" -o APT::Architectures::=arm64 -o APT::Sandbox::User= \
    -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt" -o Acquire::Retries=2 "$@"
}

# version NAME:ARCH prints the newest version.
version() { apt apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Version: //p'; }

fetch() { # NAME:ARCH[=VERSION]
  (cd "$work/debs" && apt apt-get download "$1") >"$log" 2>&1 ||
    { cat "$log" >&2; fail "package $1: cannot be fetched; check the network and /etc/apt/sources.list.d"; }
}

echo "vm kernel: fetching (about 215 MB)" >&2
apt apt-get update -o APT::Update::Error-Mode=any >"$log" 2>&1 ||
  { cat "$log" >&2; fail "package lists: cannot be fetched; check the network and /etc/apt/sources.list.d"; }
image=$(apt apt-cache depends linux-image-arm64:arm64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[^ :]*\).*/\1/p' | head -n 1)
[ -n "$image" ] || fail "package linux-image-arm64:arm64: not in the package lists; want Debian 12's main archive in /etc/apt/sources.list.d"
release=${image#linux-image-}
series=$(echo "$release" | cut -d. -f1,2)
revision=$(version "$image:arm64")

fetch "$image:arm64=$revision"
fetch "linux-headers-$release:arm64=$revision"
fetch "linux-headers-${release%-arm64}-common:all=$revision"
fetch "linux-kbuild-$series:$host=$revision"
fetch "linux-source-$series:all=$revision"
fetch busybox-static:arm64

for deb in "$work"/debs/*.deb; do
  case "$deb" in */linux-source-*) continue ;; esac
  dpkg-deb -x "$deb" "$work/root" || fail "package $(basename "$deb"): cannot be unpacked; free disk space in $cache?"
done

# gpio-sim, which the distribution does not build: the driver and the interrupt
# simulator that it needs become one module. The simulator may call only what the
# kernel exports, so it hands an interrupt on by number.
echo "vm kernel: building gpio-sim" >&2
source=$work/gpio-sim
mkdir "$source"
dpkg-deb --fsys-tarfile "$work"/debs/linux-source-*.deb | tar -xO "./usr/src/linux-source-$series.tar.xz" >"$work/source.tar.xz" ||
  fail "package linux-source-$series: cannot be unpacked; free disk space in $cache?"
tar -xJf "$work/source.tar.xz" -C "$source" --strip-components=1 \
  "linux-source-$series/drivers/gpio/gpio-sim.c" "linux-source-$series/drivers/gpio/gpiolib.h" "linux-source-$series/kernel/irq/irq_sim.c" ||
  fail "package linux-source-$series: gpio-sim.c, gpiolib.h or irq_sim.c is not where 6.1 has it"
mv "$source/drivers/gpio/gpio-sim.c" "$source/gpio-sim-main.c"
mv "$source/drivers/gpio/gpiolib.h" "$source/kernel/irq/irq_sim.c" "$source"
sed -i -e 's/handle_simple_irq(irq_to_desc(irqnum))/generic_handle_irq(irqnum)/' -e '/^EXPORT_SYMBOL/d' "$source/irq_sim.c"
grep -q 'generic_handle_irq(irqnum)' "$source/irq_sim.c" || fail "irq_sim.c: not the code that this recipe's patch was made for"
printf 'obj-m := gpio-sim.o\ngpio-sim-y := gpio-sim-main.o irq_sim.o\n' >"$source/Kbuild"
headers=$work/root/usr/src/linux-headers-$release
echo "include $work/root/usr/src/linux-headers-${release%-arm64}-common/Makefile" >"$headers/Makefile"
make -C "$headers" M="$source" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc modules >"$log" 2>&1 ||
  { cat "$log" >&2; fail "gpio-sim: does not compile; see above"; }

sed -e 's/#.*//' -e '/^ *$/d' "$here/modules" | while read -r name _; do
  found=$(find "$work/root/lib/modules" "$source" -name "$name.ko" | head -n 1)
  [ -n "$found" ] || fail "module $name: not in $image"
  aarch64-linux-gnu-strip --strip-debug -o "$work/out/modules/$name.ko" "$found"
done
cp "$work/root/boot/vmlinuz-$release" "$work/out/vmlinuz"
cp "$work/root/bin/busybox" "$work/out/busybox"
(cd "$work/debs" && sha256sum ./*.deb) >"$work/out/packages"
sync -f "$work/out"
mv "$work/out" "$result"
echo "$result"
