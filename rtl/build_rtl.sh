#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Verilates tactus_top and links it with the harness of models/rtl_host into one shared object.
# usage: build_rtl.sh OUT_SO -O1|-O3 [FAULT] [FST|VCD] [COVERAGE] [OVERLAY=DIR] KEY=VALUE...
# The literal words compile in: FAULT the seeded faults, FST or VCD waves, COVERAGE line and toggle
# coverage. The *.sv files of DIR replace those of the
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
observe=
fst=0
vcd=0
coverage=0
libraries=
extra=
parameters=
overlay=
for word in "$@"; do
  case $word in
    FAULT) defines="$defines -DTACTUS_FAULTS"; cdefines=-DTACTUS_FAULTS ;;
    FST) observe="$observe --trace-fst --trace-structs"; fst=1; libraries=-lz; extra="$extra verilated_fst_c" ;;
    VCD) observe="$observe --trace --trace-structs"; vcd=1; extra="$extra verilated_vcd_c" ;;
    COVERAGE) observe="$observe --coverage-line --coverage-toggle"; coverage=1; extra="$extra verilated_cov" ;;
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
# Ours have names relative to the folder above: coverage files name them, and hold for any checkout.
cd "$rtl/.."
rtl=$(basename "$rtl")
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
if ! verilator --cc $defines $parameters $observe -O3 --x-assign fast --x-initial fast \
    -Wno-fatal -Wno-lint -Wno-style --top-module tactus_top "-I$rtl/include" --prefix Vtactus_top --Mdir "$tmp/gen" \
    "$rtl/share.vlt" "$rtl/include/tactus_op_pkg.sv" "$arith" $sources \
    > "$tmp/log" 2>&1; then
  cat "$tmp/log" >&2
  exit 1
fi

root=$(verilator --getenv VERILATOR_ROOT)
cache=
if command -v ccache > /dev/null; then cache=ccache; fi
cxx="$cache ${CXX:-g++}"
flags="-std=gnu++17 -g0 $opt -fPIC -w -fvisibility=hidden -fno-strict-aliasing \
  -DVL_TIME_CONTEXT -DVM_COVERAGE=$coverage -DVM_SC=0 -DVM_TRACE=$((fst + vcd)) -DVM_TRACE_FST=$fst \
  -DVM_TRACE_VCD=$vcd $cdefines \
  -I. -I$root/include -I$root/include/vltstd -I$models"
once=-O1
if [ -n "$observe" ]; then once=-O0; fi
cd "$tmp/gen"
objects=
for source in *.cpp; do
  case $source in
    # What runs once; with waves or coverage it is megabytes.
    *__Slow.cpp | *__Syms.cpp) level=$once ;;
    *) level= ;;
  esac
  # shellcheck disable=SC2086
  $cxx $flags $level -c "$source" -o "${source%.cpp}.o"
  objects="$objects ${source%.cpp}.o"
done
# shellcheck disable=SC2086
$cxx $flags -c "$root/include/verilated.cpp" -o verilated.o
for source in $extra; do
  # shellcheck disable=SC2086
  $cxx $flags -c "$root/include/$source.cpp" -o "$source.o"
  objects="$objects $source.o"
done
# shellcheck disable=SC2086
if [ -f "$root/include/verilated_threads.cpp" ]; then
  $cxx $flags -c "$root/include/verilated_threads.cpp" -o verilated_threads.o
  objects="$objects verilated_threads.o"
fi
# shellcheck disable=SC2086
$cxx $flags -fvisibility=default -c "$models/rtl_host/dut_harness.cpp" -o dut_harness.o
# shellcheck disable=SC2086
${CXX:-g++} -shared -o "$tmp/out.so" $objects verilated.o dut_harness.o -pthread $libraries
cp "$tmp/out.so" "$out.tmp.$$"
mv "$out.tmp.$$" "$out"
