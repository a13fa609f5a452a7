#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: pe_cells.sh [OPERAND_BITS]
# The price of the array's options: generic gates and flip-flops of one PE in four variants (Yosys
# `synth -flatten`, which ends with `abc` on two-input gates; no technology library), 16 rows,
# 32-bit wrapping accumulators. A line per variant: name, gates, flip-flop bits.
set -eu
rtl=$(cd "$(dirname "$0")/.." && pwd)
bits=${1:-8}

# usage: variant NAME MULTI_WIDTH EDGE_WORDS OUTPUT_STATIONARY; the widths are those of
# tactus_compute_unit.
variant() {
  word=$((bits + 1))
  indices=1
  if [ "$2" -ne 0 ]; then word=$((2 * bits)) indices=$bits; fi
  case $3 in 1) log=0 ;; 2) log=1 ;; 4) log=2 ;; 8) log=3 ;; esac
  more=1
  if [ "$3" -gt 1 ]; then more=$((($3 - 1) * word)); fi
  chain=$((2 * (bits + 1) + 4))
  if [ "$4" -ne 0 ] && [ "$chain" -lt 32 ]; then chain=32; fi
  yosys -q -p "read_verilog -sv -I$rtl/include $rtl/src/tactus_arith_pkg.sv \
$rtl/src/tactus_pe_lanes.sv $rtl/src/tactus_pe.sv; \
chparam -set OperandBits $bits -set MultiWidth $2 -set EdgeWords $3 -set OutputStationary $4 \
-set WordBits $word -set MoreBits $more -set WeightBits $((word + log * indices)) \
-set ChainBits $chain tactus_pe; synth -flatten -top tactus_pe; tee -o /dev/stdout stat" |
    awk -v name="$1" '/DFF/ { flops += $2 } /Number of cells:/ { cells = $4 }
                      END { printf "%-32s %6d %6d\n", name, cells - flops, flops }'
}

variant "one width" 0 1 0
variant "several widths" 1 1 0
variant "several widths, N:M" 1 4 0
variant "several widths, N:M, both dataflows" 1 4 1
