#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packages, build with tests, format check, ctest. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: tests/run.sh [ctest arguments]

Installs the missing Debian packages, builds tactus with its tests into build/, checks the format
of the C++ sources and runs ctest. Arguments go to ctest:

  tests/run.sh -L unit          one label: unit timing contract golden rtl property cli page
  tests/run.sh -R "cli: json"   tests whose name matches
  tests/run.sh -N               list the tests

CI=true makes warnings errors. TACTUS_JOBS sets how many tests run at once (default 2). Passed tests
are counted, others shown; the whole output is in build/tests.log. Exit codes: 0 all passed, 1 a
test or the format check failed, 3 installation or build failed.
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
esac

mkdir -p build
log=build/tests.log
: >"$log"
# shellcheck source=sim/steps.sh
. sim/steps.sh

sim/setup_debian.sh --tests || exit 3
options=(TACTUS_BUILD_TESTS=ON)
[ "${CI:-}" = true ] && options+=(TACTUS_WERROR=ON)
configure "${options[@]}"
build

# Own sources that clang-format would change; files are looked at again only when they are newer
# than the last good check.
format_check() {
  local stamp=build/format.stamp bad=() file files
  command -v clang-format >/dev/null || { echo "format: no clang-format, not checked"; return 0; }
  mapfile -t files < <(find frontend models sim tests traces -name '*.cpp' -o -name '*.hpp' | sort)
  for file in "${files[@]}"; do
    if [ "$stamp" -nt "$file" ] && [ "$stamp" -nt .clang-format ]; then continue; fi
    clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || bad+=("$file")
  done
  if [ ${#bad[@]} -ne 0 ]; then
    echo "format: clang-format -i would change ${#bad[@]} of ${#files[@]} files:" >&2
    printf '  %s\n' "${bad[@]}" >&2
    return 1
  fi
  touch "$stamp"
  echo "format: ${#files[@]} files as clang-format wants them"
}
status=0
format_check || status=1

terminal=0
[ -t 1 ] && terminal=1
echo "ctest: running"
set +e
ctest --test-dir build --parallel "${TACTUS_JOBS:-2}" --output-on-failure --no-tests=error "$@" 2>&1 |
  tee -a "$log" | awk -v terminal=$terminal '
    function clear() { if (terminal) printf "\r\033[K" }
    /^ +Start +[0-9]+: / || /^Internal ctest changing/ || /^Test project / { next }
    / Test +#[0-9]+: .* Passed +[0-9.]+ sec/ {
      ++passed
      if (terminal) { printf "\r\033[Kctest: %d passed", passed; fflush() }
      else if (passed % 100 == 0) { printf "ctest: %d passed\n", passed; fflush() }
      next
    }
    NF { clear(); print; fflush() }'
code=${PIPESTATUS[0]}
set -e
[ "$code" -eq 0 ] || status=1
if [ $status -ne 0 ] && [ "$code" -eq 0 ]; then
  echo "tests/run.sh: the tests passed, the format check did not" >&2
fi
exit $status
