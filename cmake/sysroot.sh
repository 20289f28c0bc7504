#!/usr/bin/env bash
# sysroot.sh ARCHITECTURE FOLDER PACKAGE...: the packages of another architecture and all they depend on, unpacked into
# FOLDER for a cross compiler and an emulator. From this machine's own Debian sources, signatures checked; apt works on a
# state of its own, so that nothing is installed here and no native package has to give way.
set -euo pipefail
architecture=$1 folder=$2
shift 2
die() { printf 'sysroot: %s\n' "$*" >&2; exit 1; }
for program in apt-get dpkg-deb python3; do
    command -v "$program" >/dev/null || die "needs $program; elsewhere, point BREAKEVEN_SYSROOT at a root of $architecture"
done

key=$(printf '%s\n' "$architecture" "$@" | sha256sum | cut -c1-12)
[ "$(cat "$folder/.complete" 2>/dev/null)" != "$key" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/lists/partial "$work"/cache/archives/partial
: >"$work/status"

. /etc/os-release
[ "$ID" = debian ] || die "knows only Debian's layout; elsewhere, point BREAKEVEN_SYSROOT at a root of $architecture"
# Only the distribution's own entries: others may not know this architecture.
apt-get indextargets --format '$(CODENAME) $(REPO_URI) $(COMPONENT)' 'Created-By: Packages' | sort -u |
    while read -r suite uri component; do
        case $suite in "$VERSION_CODENAME"*) ;; *) continue ;; esac
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n' "$uri" "$suite" "$component"
        printf 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n'
    done >"$work/distribution.sources"
[ -s "$work/distribution.sources" ] || die "apt has no source entry for $VERSION_CODENAME"
options=(-qq -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture" -o "Dir::State=$work"
    -o "Dir::State::status=$work/status" -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
    -o "Dir::Etc::sourcelist=$work/distribution.sources" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root
    -o "Dir::Log=$work")
apt-get "${options[@]}" update
apt-get "${options[@]}" install --download-only --yes --no-install-recommends "$@" >/dev/null

rm -rf "$folder"
mkdir -p "$folder"/usr/{bin,sbin,lib}
for name in bin sbin lib; do ln -s "usr/$name" "$folder/$name"; done
# The packages' own records, with the files where they lie here: what dpkg-shlibdeps asks (cmake/shlibdeps.sh).
database=$folder/var/lib/dpkg
mkdir -p "$database"/{info,updates}
echo 1 >"$database/info/format"
printf '%s\n' "$(dpkg --print-architecture)" "$architecture" >"$database/arch"
for package in "$work"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$folder"
    name=$(dpkg-deb -f "$package" Package)
    [ "$(dpkg-deb -f "$package" Multi-Arch)" != same ] || name=$name:$architecture
    { echo "Status: install ok installed"; dpkg-deb -f "$package"; echo; } >>"$database/status"
    dpkg-deb --fsys-tarfile "$package" | tar -t | sed "s,^\\.,$folder,; s,/$,," >"$database/info/$name.list"
    for file in symbols shlibs; do
        dpkg-deb --info "$package" "$file" >"$database/info/$name.$file" 2>/dev/null || rm -f "$database/info/$name.$file"
    done
done
# Links that name a place from the root would leave the folder.
python3 - "$folder" <<'PYTHON'
import os, sys
root = sys.argv[1]
for folder, names, files in os.walk(root):
    for path in (os.path.join(folder, name) for name in names + files):
        if os.path.islink(path) and os.readlink(path).startswith("/"):
            target = root + os.readlink(path)
            os.unlink(path)
            os.symlink(os.path.relpath(target, folder), path)
PYTHON
# Engines ask /proc/cpuinfo what the processor can do; under qemu-user before 8.2 they would read this machine's, and die.
cpuinfo=$(dirname "$0")/../tests/package/cpuinfo.$architecture
if [ -e "$cpuinfo" ]; then mkdir -p "$folder/proc" && cp "$cpuinfo" "$folder/proc/cpuinfo"; fi
printf '%s\n' "$key" >"$folder/.complete"
