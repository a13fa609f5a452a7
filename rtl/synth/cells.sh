#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: cells.sh ELAB_ARGS PRESET
# Generic cells per block (Yosys `synth -noabc`, memories kept as memories), hierarchy kept.
set -eu
rtl=$(cd "$(dirname "$0")/.." && pwd)
chparam=$("$1" "$2" | tail -n +2 | sed 's/^\(.*\)=\(.*\)$/-set \1 \2/' | tr '\n' ' ')
sources=$(ls "$rtl"/src/*.sv | grep -v '_pkg\.sv$' | grep -v tactus_perf | tr '\n' ' ')
# The parameters go in before the hierarchy is elaborated.
yosys -q -p "read_verilog -sv -I$rtl/include $rtl/include/tactus_op_pkg.sv \
$rtl/src/tactus_arith_pkg.sv $sources; chparam $chparam tactus_top; hierarchy -check -top tactus_top; \
proc; opt; memory -nomap; opt; techmap; opt; tee -o /dev/stdout stat"
