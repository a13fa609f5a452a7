#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packages, build, main job. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: sim/quickstart.sh

On Debian 12: installs the missing packages, builds tactus into build/ and runs the main job: a
trained 4-bit CNN goes through the reference, the fast, the SystemC and the RTL back end, and all
outputs, retire cycles and event counts are compared. Takes minutes the first time, seconds the
second. Everything is logged to build/quickstart.log. Afterwards try

  build/bin/tactus --help
  build/bin/tactus run traces/models/digits_w8a8.h5 --backend fast --inputs dataset
  tests/run.sh                  build and run the tests

Exit codes: 0 all agree, 1 the back ends differ, 3 installation or build failed.
TEXT
}

case "${1:-}" in
  "") ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

mkdir -p build
log=build/quickstart.log
: >"$log"
# shellcheck source=sim/steps.sh
. sim/steps.sh
started=$SECONDS

sim/setup_debian.sh || exit 3
if [ -f build/build.ninja ]; then
  echo "configure: unchanged"
else
  configure TACTUS_BUILD_TESTS=OFF
fi
build

job=(build/bin/tactus check traces/models/digits_w4a4.h5 --preset edge_16)
echo "run: ${job[*]}"
echo
set +e
"${job[@]}" | tee -a "$log"
code=${PIPESTATUS[0]}
set -e
echo
[ "$code" -eq 0 ] || echo "run: exit code $code; the console output is in $log" >&2
echo "quickstart: $((SECONDS - started)) s in all; tests/run.sh builds and runs the tests"
exit "$code"
