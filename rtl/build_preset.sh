#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: build_preset.sh ELAB_ARGS PRESET DIRECTORY -O1|-O3 [FAULT] [FST|VCD] [COVERAGE]
# Builds the RTL of a preset into DIRECTORY under the name that the host looks for.
set -eu
args=$("$1" "$2")
name=$(echo "$args" | head -n 1)
parameters=$(echo "$args" | tail -n +2)
directory=$3
optimise=$4
shift 4
kind=
for word in FAULT FST VCD COVERAGE; do
  case " $* " in
    *" $word "*)
      case $word in FAULT) kind=${kind}faults_ ;; COVERAGE) kind=${kind}cov_ ;;
        FST) kind=${kind}fst_ ;; VCD) kind=${kind}vcd_ ;; esac ;;
  esac
done
name=$(echo "$name" | sed "s/libtactus_rtl_/libtactus_rtl_$kind/")
# shellcheck disable=SC2086
exec "$(dirname "$0")/build_rtl.sh" "$directory/$name" "$optimise" "$@" $parameters
