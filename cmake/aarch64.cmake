# Cross-building for 64-bit ARM: Debian's cross compiler, the libraries of a sysroot (`./dev setup --preset aarch64` makes
# it, with cmake/sysroot.sh), the code generators of this machine, and tests under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES BREAKEVEN_SYSROOT)
if(NOT BREAKEVEN_SYSROOT)
    if(DEFINED ENV{BREAKEVEN_SYSROOT})
        set(BREAKEVEN_SYSROOT $ENV{BREAKEVEN_SYSROOT})
    elseif(DEFINED ENV{BREAKEVEN_CACHE})
        set(BREAKEVEN_SYSROOT $ENV{BREAKEVEN_CACHE}/sysroot-arm64)
    elseif(DEFINED ENV{XDG_CACHE_HOME})
        set(BREAKEVEN_SYSROOT $ENV{XDG_CACHE_HOME}/breakeven/sysroot-arm64)
    else()
        set(BREAKEVEN_SYSROOT $ENV{HOME}/.cache/breakeven/sysroot-arm64)
    endif()
endif()
if(NOT EXISTS ${BREAKEVEN_SYSROOT}/usr/include)
    message(FATAL_ERROR "no libraries for aarch64 in ${BREAKEVEN_SYSROOT}: run `./dev setup --preset aarch64`, "
        "or point BREAKEVEN_SYSROOT at a root file system")
endif()

set(CMAKE_SYSROOT ${BREAKEVEN_SYSROOT})
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH ${BREAKEVEN_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${BREAKEVEN_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${BREAKEVEN_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${BREAKEVEN_SYSROOT}/usr/share/pkgconfig)

find_program(BREAKEVEN_QEMU NAMES qemu-aarch64-static qemu-aarch64)
if(BREAKEVEN_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR ${BREAKEVEN_QEMU};-L;${BREAKEVEN_SYSROOT})
    # What children of tests are run with, too: a board's processor, the one that tests/package/cpuinfo.arm64 describes.
    # Not qemu's `max`: with its SVE, at every vector length tried, OpenVINO's answers were wrong; without SVE they agree.
    set(BREAKEVEN_EMULATION QEMU_LD_PREFIX=${BREAKEVEN_SYSROOT} QEMU_CPU=cortex-a72)
endif()
