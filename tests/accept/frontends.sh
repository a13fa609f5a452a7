#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The acceptance list of the importers and of the layer ops: one line per point, exit code 1 on a
# miss.
exec /usr/bin/python3 "$(dirname "$0")/frontends.py" "$@"
