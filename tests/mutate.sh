#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does `tactus check` find the fault in a stranger's patch? See --help.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tests/mutate.sh PATCH [--preset NAME] [--keep]

Copies the checkout to a temporary folder, applies PATCH (a diff against rtl/ or models/systemc,
made by git diff or diff -u), builds the copy and runs `tactus check` on both digits models with
ref, fast, systemc and rtl on NAME (default tiny_4). The checkout itself is not touched.

Exit codes: 0 the fault is found, and the message that names it is printed; 1 the patched hardware
agrees with the others (the fault survived); 2 the patch does not apply, touches something else, or
the copy does not build. --keep leaves the copy in place. TACTUS_CMAKE_ARGS adds CMake options, for
example -DTACTUS_WITH_RTL=OFF for faults in models/systemc alone.
TEXT
}

patch_file="" preset=tiny_4 keep=no
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --preset) preset=${2:?--preset needs a NAME}; shift ;;
    --keep) keep=yes ;;
    -*) usage >&2; exit 2 ;;
    *) [ -z "$patch_file" ] || { usage >&2; exit 2; }; patch_file=$1 ;;
  esac
  shift
done
[ -n "$patch_file" ] || { usage >&2; exit 2; }
[ -r "$patch_file" ] || { echo "mutate: cannot read $patch_file" >&2; exit 2; }
patch_file=$(realpath "$patch_file")
cd "$(dirname "$0")/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/tactus_mutate.XXXXXX")
copy=$work/tactus
log=$work/mutate.log
: >"$log"
if [ $keep = yes ]; then
  echo "mutate: working in $work"
else
  trap 'rm -rf "$work"' EXIT
fi
refuse() {
  echo "mutate: $1" >&2
  [ ! -s "$log" ] || tail -n "${2:-15}" "$log" >&2
  exit 2
}

# What git knows or would add; without git everything but build folders.
mkdir "$copy"
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [ ! -e "$file" ] || printf '%s\0' "$file"
  done | tar -c --null -T - | tar -x -C "$copy"
else
  tar -c --exclude='./build*' --exclude=./.git . | tar -x -C "$copy"
fi

# Where the patch lands, with or without a leading a/ b/ folder.
export GIT_CEILING_DIRECTORIES=$work
strip=""
for level in 1 0; do
  if (cd "$copy" && git apply --check -p$level "$patch_file") >>"$log" 2>&1; then
    strip=$level
    break
  fi
done
[ -n "$strip" ] || refuse "the patch does not apply to this checkout"
touched=$(cd "$copy" && git apply --numstat -p"$strip" "$patch_file" | cut -f3)
[ -n "$touched" ] || refuse "the patch changes nothing"
while IFS= read -r file; do
  case "$file" in
    rtl/* | models/systemc/*) ;;
    *) : >"$log"; refuse "the patch touches $file, which is neither in rtl/ nor in models/systemc" ;;
  esac
done <<<"$touched"
(cd "$copy" && git apply -p"$strip" "$patch_file") >>"$log" 2>&1 || refuse "the patch does not apply"
: >"$log"
echo "mutate: patched $(tr '\n' ' ' <<<"$touched")"

# Relative paths in ccache let one mutation reuse what the last one compiled. RTL builds of the
# patched copy stay apart from the user's.
export CCACHE_BASEDIR=$copy CCACHE_NOHASHDIR=1 XDG_CACHE_HOME=$work/cache
export CCACHE_DIR=${CCACHE_DIR:-$HOME/.cache/ccache}
echo "mutate: building the patched copy"
start=$SECONDS
cd "$copy"
# shellcheck disable=SC2086
cmake --preset default -DTACTUS_BUILD_TESTS=OFF -DTACTUS_RTL_PRESETS="$preset" \
  -DTACTUS_RTL_OPTIMISE=-O1 ${TACTUS_CMAKE_ARGS:-} >>"$log" 2>&1 || refuse "the copy does not configure"
ninja -C build >>"$log" 2>&1 || refuse "the copy does not build" 25
echo "mutate: built in $((SECONDS - start)) s"

backends=$(build/bin/tactus --version | sed -n 's/^back ends: *//p' | tr ' ' ',')
for model in digits_w4a4 digits_w8a8; do
  set +e
  timeout 900 build/bin/tactus check "traces/models/$model.h5" --preset "$preset" \
    --backends "$backends" --quiet >"$work/out" 2>"$work/err"
  code=$?
  set -e
  case $code in
    0) echo "mutate: $model on $preset: $backends agree" ;;
    1)
      echo "mutate: FOUND by $model on $preset:"
      grep -E '^[a-z]+ and [a-z]+: |DIFFER|values differ' "$work/out" || tail -n 5 "$work/out"
      exit 0
      ;;
    124)
      echo "mutate: FOUND by $model on $preset: the check did not end within 900 s"
      exit 0
      ;;
    *)
      echo "mutate: FOUND by $model on $preset: the check stopped with exit code $code:"
      cat "$work/err"
      exit 0
      ;;
  esac
done
echo "mutate: SURVIVED, no back end differs"
exit 1
