#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The acceptance list of the foundation: one line per bullet, exit code 1 on a miss. See --help.
set -uo pipefail
cd "$(dirname "$0")/../.."

usage() {
  cat <<'TEXT'
usage: tests/accept/foundation.sh [--fresh] [--seed N] [--count N]

Measures what the foundation promised and prints a line per point: target, measured, pass or MISS.
Needs a build with tests (tests/run.sh). Takes some minutes. --fresh also clones the checkout into a
temporary folder and times the two commands there with an empty compiler cache (about ten minutes
more; what is not committed is not measured). --seed and --count are those of the property run
(default 1 and 300). A point that cannot be measured here says so and counts as a miss, but for
--fresh and the comparison data outside the repository (../shared). Exit codes: 0 all pass, 1 a miss,
2 there is no build.
TEXT
}

fresh=no seed=1 count=300
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --fresh) fresh=yes ;;
    --seed) seed=${2:?}; shift ;;
    --count) count=${2:?}; shift ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

tactus=build/bin/tactus
[ -x $tactus ] || { echo "there is no $tactus; tests/run.sh builds it" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
misses=0

# row POINT TARGET MEASURED pass|MISS|-
row() {
  printf '%-4s  %-34s %-34s %s\n' "$4" "$1" "$2" "$3"
  [ "$4" != MISS ] || misses=$((misses + 1))
}
seconds() { date +%s.%N; }
# Runs a command, its output in $work/out; sets took and code.
timed() {
  local start
  start=$(seconds)
  "$@" >"$work/out" 2>&1
  code=$?
  took=$(awk -v a="$start" -v b="$(seconds)" 'BEGIN {printf "%.1f", b - a}')
}
at_most() { awk -v a="$1" -v b="$2" 'BEGIN {exit !(a <= b)}'; }
last_line() { grep -v '^ *$' "$work/out" | tail -n 1 | cut -c1-150; }
has() { $tactus --version | grep '^back ends:' | grep -qw "$1"; }

printf '%-4s  %-34s %-34s %s\n' "" point target measured

# 1. the two commands
if [ $fresh = yes ]; then
  clone=$work/clone
  git clone -q . "$clone"
  export CCACHE_DIR=$work/ccache
  for step in "sim/quickstart.sh 600" "sim/quickstart.sh 30" "tests/run.sh 600" "tests/run.sh 30"; do
    read -r command limit <<<"$step"
    timed "$clone/$command"
    result=MISS
    [ $code -eq 0 ] && at_most "$took" "$limit" && result=pass
    if [ "$limit" = 600 ]; then name="$command, fresh clone"; else name="$command, again"; fi
    row "$name" "exit 0, at most $limit s" "exit $code, $took s" $result
  done
  unset CCACHE_DIR
else
  row "fresh clone" "at most 600 s, again 30 s" "not measured (use --fresh)" -
  timed sim/quickstart.sh
  result=MISS
  [ $code -eq 0 ] && at_most "$took" 30 && result=pass
  row "sim/quickstart.sh, again" "exit 0, at most 30 s" "exit $code, $took s" $result
fi

# 2. the back ends agree
check() {
  local model=$1 preset=$2 backends=$3 sentence
  timed $tactus check "traces/models/$model.h5" --preset "$preset" --backends "$backends" --quiet
  sentence=$(grep -c '^All outputs, all retire cycles and all event counts agree' "$work/out")
  if [ $code -eq 0 ] && [ "$sentence" -eq 1 ]; then
    row "check $model $preset" "$backends: 0 differences" "all agree, $took s" pass
  else
    row "check $model $preset" "$backends: 0 differences" "exit $code: $(last_line)" MISS
  fi
}
for preset in tiny_4 edge_8 edge_16 gemmini_16 scalesim_16; do
  if has rtl; then
    timed $tactus rtl-build --preset $preset --quiet
    [ $code -eq 0 ] || row "rtl-build $preset" "exit 0" "exit $code: $(last_line)" MISS
  fi
  for model in digits_w4a4 digits_w8a8; do check $model $preset ref,fast,systemc,rtl; done
done
for model in digits_w4a4 digits_w8a8; do check $model server_64 ref,fast,systemc; done

# 3. random layers
if [ -x build/bin/tactus_property ]; then
  timed build/bin/tactus_property --count "$count" --seed "$seed"
  result=MISS
  [ $code -eq 0 ] && [ "$count" -ge 300 ] && has rtl && has systemc && result=pass
  row "property run, seed $seed" "at least 300 layers, 0 differences" "$(last_line), $took s" $result
else
  row "property run" "at least 300 layers, 0 differences" "tactus_property is not built" MISS
fi

# 4. accuracy
for model in digits_w4a4 digits_w8a8; do
  want=$(/usr/bin/python3 -c "
import json
a = json.load(open('traces/models/digits_accuracy.json'))['$model']
print(a['correct'], 'of', a['count'])")
  timed $tactus run "traces/models/$model.h5" --backend fast --inputs dataset --quiet
  got=$(sed -n 's/^accuracy *\([0-9]* of [0-9]*\).*/\1/p' "$work/out")
  result=MISS
  [ "$got" = "$want" ] && result=pass
  row "accuracy $model" "$want" "$got" $result
done

# 5. damaged files
timed /usr/bin/python3 tests/cli/damaged_test.py $tactus
files=$(grep -oE '[0-9]+ damaged files refused' "$work/out" | cut -d' ' -f1)
result=MISS
[ $code -eq 0 ] && [ "${files:-0}" -ge 25 ] && result=pass
row "damaged model files" "at least 25, exit 2, one sentence" "${files:-0} refused" $result

# 6. SCALE-Sim
timed tests/accept/scalesim_rows.py --quiet --tactus $tactus
case $code in
  0) row "SCALE-Sim weight-stationary rows" "all equal folds * (P + 2)" "$(last_line)" pass ;;
  2) row "SCALE-Sim weight-stationary rows" "all equal folds * (P + 2)" \
       "not measured: ../shared is absent" - ;;
  *) row "SCALE-Sim weight-stationary rows" "all equal folds * (P + 2)" "$(last_line)" MISS ;;
esac

# 7. host speed
timed tests/bench/bench.py --json "$work/bench.json"
if [ $code -ne 0 ]; then
  row "tests/bench/bench.py" "runs" "exit $code: $(last_line)" MISS
else
  figure() { # figure KEY FIELD
    /usr/bin/python3 -c "
import json
print('%.6g' % json.load(open('$work/bench.json'))['$1']['$2'])" 2>/dev/null
  }
  # bench_row POINT TARGET VALUE UNIT TEST(awk on v)
  bench_row() {
    local result=MISS
    if [ -z "$3" ]; then
      row "$1" "$2" "not measured" MISS
      return
    fi
    awk -v v="$3" "BEGIN {exit !($5)}" && result=pass
    row "$1" "$2" "$3 $4" $result
  }
  bench_row "fast, digits, 4 images" "stated" "$(figure 'fast, digits (4 images)' seconds)" s "v > 0"
  bench_row "fast, resnet18 at 224" "stated" "$(figure 'fast, resnet18 at 224' seconds)" s "v > 0"
  # The target is against oneDNN's VNNI kernels; elsewhere the ratio is shown, not judged.
  if grep -qw -e avx512_vnni -e avx_vnni /proc/cpuinfo; then
    bench_row "fast to oneDNN, resnet18" "at most 8 x" "$(figure 'fast to oneDNN' ratio)" x "v <= 8"
  else
    row "fast to oneDNN, resnet18" "at most 8 x (VNNI)" \
      "$(figure 'fast to oneDNN' ratio) x, but no VNNI on this machine: not judged" -
  fi
  bench_row "systemc, resnet18 at 224" "under 10 s" \
    "$(figure 'systemc, resnet18 at 224' seconds)" s "v < 10"
  bench_row "systemc, first stages, 16x16" "stated" \
    "$(figure 'systemc, first stages' cycles_per_second)" "cycles/s" "v > 0"
  bench_row "rtl, first stages, 16x16" "at least 250000 cycles/s" \
    "$(figure 'rtl, first stages' cycles_per_second)" "cycles/s" "v >= 250000"
  bench_row "systemc to rtl" "stated" "$(figure 'systemc to rtl' ratio)" x "v > 0"
fi

# 8. the tests as CI runs them, everything built
timed .ci/run
result=MISS
[ $code -eq 0 ] && result=pass
row ".ci/run, built" "exit 0" "exit $code, $took s" $result

echo
if [ $misses -eq 0 ]; then
  echo "foundation: no miss"
else
  echo "foundation: $misses missed"
  exit 1
fi
