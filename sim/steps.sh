# SPDX-License-Identifier: Apache-2.0
# Shell functions of sim/quickstart.sh and tests/run.sh (sourced by bash): steps that say what they
# do, log everything to $log and show the end of the log when they fail.

fail() {
  echo "$1" >&2
  if [ -s "$log" ]; then
    echo "--- end of $log:" >&2
    tail -n "${2:-25}" "$log" >&2
  fi
  exit "${3:-3}"
}

# The value of a variable of the CMake cache in build/, empty without one.
cached() { sed -n "s/^$1:[A-Z]*=//p" build/CMakeCache.txt 2>/dev/null || true; }

# configure OPTION...: the default preset, unless build/ has exactly these options already (Ninja
# runs CMake again when a CMakeLists.txt has changed).
configure() {
  local same=yes option
  [ -f build/build.ninja ] || same=no
  for option in "$@"; do
    [ "$(cached "${option%%=*}")" = "${option#*=}" ] || same=no
  done
  if [ $same = yes ]; then
    echo "configure: unchanged"
    return
  fi
  local start=$SECONDS
  echo "configure: cmake --preset default ${*/#/-D}"
  cmake --preset default "${@/#/-D}" >>"$log" 2>&1 || fail "configure: cmake failed"
  echo "configure: done in $((SECONDS - start)) s"
}

# Shows Ninja's "[done/total]" lines: overwritten on a terminal, else every tenth part.
ninja_progress() {
  local terminal=0
  [ -t 1 ] && terminal=1
  awk -v terminal=$terminal '
    match($0, /^\[[0-9]+\/[0-9]+\]/) {
      split(substr($0, 2, RLENGTH - 2), n, "/")
      if (terminal) {
        printf "\r\033[Kbuild: %d of %d steps", n[1], n[2]; fflush()
      } else if (int(10 * n[1] / n[2]) != tenth && n[2] > 20) {
        tenth = int(10 * n[1] / n[2]); printf "build: %d of %d steps\n", n[1], n[2]; fflush()
      }
    }
    END { if (terminal) printf "\r\033[K" }'
}

# build [TARGET...]
build() {
  local start=$SECONDS
  if ninja -C build -n "$@" 2>/dev/null | grep -q 'no work to do'; then
    echo "build: up to date"
    return
  fi
  echo "build: ninja -C build${*:+ $*}"
  set +e
  ninja -C build "$@" 2>&1 | tee -a "$log" | ninja_progress
  local code=${PIPESTATUS[0]}
  set -e
  [ "$code" -eq 0 ] || fail "build: ninja failed" 40
  echo "build: done in $((SECONDS - start)) s"
}
