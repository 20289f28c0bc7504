#!/usr/bin/env bash
# What try.sh runs inside the clean root: install, use as a user would, build a program against it, remove without a trace.
set -euo pipefail
cd /tmp
say() { printf '\033[1m--> %s\033[0m\n' "$*" >&2; }
expect() {  # expect WORDS COMMAND...: its output must hold the words
    local words=$1 output
    shift
    output=$("$@" 2>&1) || { printf '%s\n' "$output" >&2; echo "failed: $*" >&2; exit 1; }
    grep -qF -- "$words" <<<"$output" || { printf '%s\n' "$output" >&2; echo "no '$words' in: $*" >&2; exit 1; }
}

architecture=$(dpkg --print-architecture)
say "installing breakeven, with what it depends on ($architecture)"
apt-get update -qq
export DEBIAN_FRONTEND=noninteractive
apt-get install -qq -y --no-install-recommends /try/breakeven_*.deb >/dev/null
expect "ok   ONNX Runtime" breakeven doctor
expect "not here" breakeven platforms  # OpenVINO is a package of its own

say "using it"
breakeven zoo build mobilenet-v1-32 -o net.onnx
expect 3516964 breakeven inspect net.onnx --json
head -c 12288 /dev/zero >zeros.bin  # 32 x 32 x 3 float32
expect "ran on cpu:1" breakeven infer net.onnx --input zeros.bin
expect "cpu:1" breakeven measure net.onnx --platform cpu:1 --runs 10
ldd /usr/bin/breakeven | grep -q "not found" && { echo "a library is missing" >&2; exit 1; }
is_emulated() { [ -e /try/cpuinfo ]; }  # then what takes long is left out
if ! is_emulated; then
    expect "over each link" breakeven advise net.onnx --no-emulation --runs 5 --splits 0
fi

say "the second engine"
apt-get install -qq -y --no-install-recommends /try/breakeven-openvino_*.deb >/dev/null
expect "openvino:cpu:1" breakeven platforms
expect "ran on openvino:cpu:1" breakeven infer net.onnx --input zeros.bin --platform openvino:cpu:1
classes() { breakeven infer net.onnx --input zeros.bin --platform "$1" | sed -n '/class/p'; }
[ "$(classes cpu:1)" = "$(classes openvino:cpu:1)" ] || { echo "the engines answer differently" >&2; exit 1; }

if ! is_emulated; then
    say "a C++ program with find_package(Breakeven)"
    apt-get install -qq -y --no-install-recommends /try/libbreakeven-dev_*.deb g++ cmake make >/dev/null
    cmake -S /usr/share/doc/libbreakeven-dev/examples -B example >/dev/null
    cmake --build example >/dev/null
    expect "device" example/example_infer net.onnx
fi

say "removing it"
mapfile -t installed < <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' '*breakeven*' | sed -n 's/^ii *//p')
mapfile -t files < <(dpkg-query -L "${installed[@]}" | sort -u)
apt-get purge -qq -y "${installed[@]}" >/dev/null
left=$(for file in "${files[@]}"; do [ -d "$file" ] || [ ! -e "$file" ] || echo "$file"; done
    find / -xdev -path /try -prune -o -path /root -prune -o -iname '*breakeven*' -print  # /root: the user's own
    dpkg-query -W -f '${Package} ${Status}\n' "${installed[@]}" 2>/dev/null | grep -v ' not-installed$' || true)
[ -z "$left" ] || { printf 'left behind: %s\n' "$left" >&2; exit 1; }
