#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing; does nothing, quickly, when all are there.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: sim/setup_debian.sh [--tests]

Installs the Debian 12 packages that tactus needs and that are not there yet (with sudo unless
root). --tests adds what only the tests use. Exit code 0 if everything is installed.
TEXT
}

packages=(cmake ninja-build make g++ ccache pkg-config verilator libsystemc-dev libhdf5-dev
          doctest-dev libboost-program-options-dev nlohmann-json3-dev libsqlite3-dev libssl-dev zlib1g-dev
          python3 python3-h5py python3-numpy python3-onnx python3-flatbuffers)
test_packages=(git gtkwave iverilog yosys hdf5-tools python3-jsonschema libdnnl-dev libbenchmark-dev
               clang-format clang-tidy chromium)
# npm fetches the charting library of the result pages; one from elsewhere will do.
command -v npm >/dev/null || packages+=(npm)
case "${1:-}" in
  "") ;;
  --tests) packages+=("${test_packages[@]}") ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "packages: this is not Debian; the build needs the equivalents of ${packages[*]}" >&2
  exit 0
fi

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null |
            awk '$2 == "installed" {print $1}' || true)
missing=()
for package in "${packages[@]}"; do
  grep -qx -- "$package" <<<"$installed" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all ${#packages[@]} are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "packages: missing, and there is no sudo; as root run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "packages: installing ${#missing[@]} (${missing[*]}) ..." | fold -s -w 100
start=$SECONDS
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" >>"$log" 2>&1; }
# The package lists may be absent or old: they are fetched only if it does not work without.
if ! apt install --no-install-recommends "${missing[@]}"; then
  if ! apt update || ! apt install --no-install-recommends "${missing[@]}"; then
    tail -n 15 "$log" >&2
    echo "packages: apt-get could not install ${missing[*]}" >&2
    exit 1
  fi
fi
echo "packages: installed in $((SECONDS - start)) s"
