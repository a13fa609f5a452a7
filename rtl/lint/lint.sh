#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: lint.sh ELAB_ARGS PRESET
# `verilator --lint-only -Wall` on a preset: as synthesised, with the monitor, and with the faults.
set -eu
rtl=$(cd "$(dirname "$0")/.." && pwd)
parameters=$("$1" "$2" | tail -n +2 | sed 's/^/-G/')
sources=$(ls "$rtl"/src/*.sv | grep -v '_pkg\.sv$')
for defines in "" "-DTACTUS_MONITOR" "-DTACTUS_MONITOR -DTACTUS_FAULTS"; do
  # shellcheck disable=SC2086
  verilator --lint-only -Wall $defines $parameters "-I$rtl/include" --top-module tactus_top \
    "$rtl/lint/tactus.vlt" "$rtl/include/tactus_op_pkg.sv" "$rtl/src/tactus_arith_pkg.sv" $sources
done
