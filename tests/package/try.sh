#!/usr/bin/env bash
# try.sh FOLDER: installs the Debian packages of FOLDER into a clean minimal root (debootstrap) of their architecture and
# uses them there: only what the packages themselves depend on is present. As root; another architecture needs qemu-user
# registered with the kernel (`./dev package --preset aarch64 --try` does that).
set -euo pipefail
packages=$(realpath "$1")
cache=${BREAKEVEN_CACHE:-$HOME/.cache/breakeven}
here=$(cd "$(dirname "$0")" && pwd)
say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }

architecture=$(dpkg-deb -f "$(ls "$packages"/breakeven_*.deb)" Architecture)
. /etc/os-release
uri=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$VERSION_CODENAME //p" | head -n 1)

# Made once: what debootstrap fetched and unpacked.
base=$cache/root-$VERSION_CODENAME-$architecture.tar
if [ ! -e "$base" ]; then
    say "making a clean $VERSION_CODENAME root for $architecture, once"
    work=$(mktemp -d)
    debootstrap --variant=minbase --arch="$architecture" "$VERSION_CODENAME" "$work/root" "$uri" >"$work/log" ||
        { tail -n 20 "$work/log" >&2; exit 1; }
    tar -C "$work/root" -cf "$base.part" . && mv "$base.part" "$base"
    rm -rf "$work"
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
tar -C "$root" -xf "$base"
cp /etc/resolv.conf "$root/etc/resolv.conf"
for file in /etc/apt/apt.conf.d/*; do  # a proxy, perhaps
    if grep -qi 'proxy\|Acquire::https::' "$file" 2>/dev/null; then cp "$file" "$root/etc/apt/apt.conf.d/"; fi
done
mkdir "$root/try"
cp "$packages"/*.deb "$here/in_root.sh" "$root/try/"
emulation=()
if [ "$architecture" != "$(dpkg --print-architecture)" ]; then  # see cmake/sysroot.sh and cmake/aarch64.cmake
    cp "$here/cpuinfo.$architecture" "$root/try/cpuinfo"
    emulation=(QEMU_CPU=cortex-a72)
fi
# Its mounts end with it. /sys, as every machine has it: OpenVINO for aarch64 dies where it is missing.
unshare --mount --fork bash -c '
    mount -t proc proc "$1/proc" && mount -t sysfs -o ro sysfs "$1/sys" && mount -t tmpfs tmpfs "$1/tmp" &&
        mount --rbind /dev "$1/dev"
    [ ! -e "$1/try/cpuinfo" ] || mount --bind "$1/try/cpuinfo" "$1/proc/cpuinfo"
    exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "${@:2}" \
        bash /try/in_root.sh
' - "$root" "${emulation[@]}"
say "the packages for $architecture work in a clean root"
