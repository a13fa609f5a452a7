#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: build_preset.sh ELAB_ARGS PRESET DIRECTORY -O1|-O3 [FAULT]
# Builds the RTL of a preset into DIRECTORY under the name that the host looks for.
set -eu
args=$("$1" "$2")
name=$(echo "$args" | head -n 1)
parameters=$(echo "$args" | tail -n +2)
case ${5:-} in FAULT) name=$(echo "$name" | sed 's/libtactus_rtl_/libtactus_rtl_faults_/') ;; esac
# shellcheck disable=SC2086
exec "$(dirname "$0")/build_rtl.sh" "$3/$name" "$4" ${5:-} $parameters
