#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Verilates tactus_top and links it with the harness of models/rtl_host into one shared object.
# usage: build_rtl.sh OUT_SO -O1|-O3 [FAULT] [OVERLAY=DIR] KEY=VALUE...
# FAULT (the literal word) compiles the seeded faults in; the *.sv files of DIR replace those of the
# same name in rtl/src or come beside them; KEY=VALUE are parameters of tactus_top.
# TACTUS_MODELS_DIR names another models folder. Quiet on success.
set -eu
rtl=$(cd "$(dirname "$0")" && pwd)
models=$(cd "${TACTUS_MODELS_DIR:-$rtl/../models}" && pwd)
out=$1
opt=$2
shift 2
defines=-DTACTUS_MONITOR
cdefines=
parameters=
overlay=
for word in "$@"; do
  case $word in
    FAULT) defines="$defines -DTACTUS_FAULTS"; cdefines=-DTACTUS_FAULTS ;;
    OVERLAY=*) overlay=$(cd "${word#OVERLAY=}" && pwd) ;;
    *=*) parameters="$parameters -G$word" ;;
    *) echo "build_rtl.sh: '$word' is not KEY=VALUE" >&2; exit 2 ;;
  esac
done

mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tactus_rtl.XXXXXX")
trap 'rm -rf "$tmp"' EXIT INT TERM
# Modules: ours, or their namesakes in the overlay, and what else is there. The package comes first.
arith=
sources=
for source in "$rtl"/src/*.sv ${overlay:+"$overlay"/*.sv}; do
  name=$(basename "$source")
  if [ -n "$overlay" ] && [ -f "$overlay/$name" ]; then source=$overlay/$name; fi
  case "$name $sources " in
    tactus_arith_pkg.sv*) arith=$source ;;
    *" $source "*) ;;
    *) sources="$sources $source" ;;
  esac
done

# shellcheck disable=SC2086
if ! verilator --cc $defines $parameters -O3 --x-assign fast --x-initial fast \
    -Wno-fatal -Wno-lint -Wno-style --top-module tactus_top "-I$rtl/include" --prefix Vtactus_top --Mdir "$tmp/gen" \
    "$rtl/include/tactus_op_pkg.sv" "$arith" $sources \
    > "$tmp/log" 2>&1; then
  cat "$tmp/log" >&2
  exit 1
fi

root=$(verilator --getenv VERILATOR_ROOT)
cache=
if command -v ccache > /dev/null; then cache=ccache; fi
cxx="$cache ${CXX:-g++}"
flags="-std=gnu++17 -g0 $opt -fPIC -w -fvisibility=hidden -fno-strict-aliasing \
  -DVL_TIME_CONTEXT -DVM_COVERAGE=0 -DVM_SC=0 -DVM_TRACE=0 -DVM_TRACE_FST=0 -DVM_TRACE_VCD=0 $cdefines \
  -I. -I$root/include -I$root/include/vltstd -I$models"
cd "$tmp/gen"
objects=
for source in *.cpp; do
  case $source in
    *__Slow.cpp | *__Syms.cpp) level=-O1 ;;
    *) level= ;;
  esac
  # shellcheck disable=SC2086
  $cxx $flags $level -c "$source" -o "${source%.cpp}.o"
  objects="$objects ${source%.cpp}.o"
done
# shellcheck disable=SC2086
$cxx $flags -c "$root/include/verilated.cpp" -o verilated.o
# shellcheck disable=SC2086
if [ -f "$root/include/verilated_threads.cpp" ]; then
  $cxx $flags -c "$root/include/verilated_threads.cpp" -o verilated_threads.o
  objects="$objects verilated_threads.o"
fi
# shellcheck disable=SC2086
$cxx $flags -fvisibility=default -c "$models/rtl_host/dut_harness.cpp" -o dut_harness.o
# shellcheck disable=SC2086
${CXX:-g++} -shared -o "$tmp/out.so" $objects verilated.o dut_harness.o -pthread
cp "$tmp/out.so" "$out.tmp.$$"
mv "$out.tmp.$$" "$out"
