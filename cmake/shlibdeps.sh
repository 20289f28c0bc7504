#!/usr/bin/env bash
# dpkg-shlibdeps for another architecture: libraries and their packages are those of BREAKEVEN_SYSROOT (cmake/sysroot.sh).
case "${1:-}" in --version | --help) exec dpkg-shlibdeps "$@" ;; esac
triplet=$(dpkg-architecture -a "$DEB_HOST_ARCH" -q DEB_HOST_MULTIARCH)
exec dpkg-shlibdeps "--admindir=$BREAKEVEN_SYSROOT/var/lib/dpkg" \
    "-l$BREAKEVEN_SYSROOT/usr/lib/$triplet" "-l$BREAKEVEN_SYSROOT/lib/$triplet" "$@"
