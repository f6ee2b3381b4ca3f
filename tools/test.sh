#!/bin/bash
# Builds everything and runs all tests. Tests that need a GPU read "skipped" where there is none.
#   bash tools/test.sh              the ordinary run
#   bash tools/test.sh --sanitize   the CPU part again under AddressSanitizer and UBSan
#   bash tools/test.sh --fuzz [SECONDS]   libFuzzer on every format that is read, 30 seconds each
#   bash tools/test.sh --mutants    plants bugs that nobody chose and asks whether the tests see them (tests/README.md)
#   bash tools/test.sh --planted    the same with the bugs of a list
#   bash tools/test.sh --peers      onnxruntime and TensorBoard, installed into build/venv, read what is written for them
#   bash tools/test.sh --tidy       clang-tidy, with the checks of .clang-tidy; runs no tests
#   bash tools/test.sh --python     a wheel of the Python package, installed into an empty environment and tested there
set -euo pipefail
cd "$(dirname "$0")/.."
preset=dev script=""
case "${1:-}" in
  "") ;;
  --sanitize) preset=asan ;;
  --mutants) preset="" script=tests/mutants/sampled.py ;;
  --planted) preset="" script=tests/mutants/planted.py ;;
  --peers) preset=dev ;;
  --tidy) preset="" script=tests/run_tidy.py ;;
  --fuzz) preset=fuzz ;;
  --python) preset="" script=python/tests/wheel.py ;;
  *)
    echo "test.sh: unknown option $1 (--sanitize, --fuzz, --python, --peers, --mutants, --planted, --tidy or nothing)" >&2
    exit 2
    ;;
esac
. tools/packages.sh
dae_packages="$dae_packages python3"
[ -n "$preset" ] && [ "${1:-}" != --peers ] || dae_packages="$dae_packages git python3-venv"
[ "$preset" != dev ] || dae_packages="$dae_packages strace"  # tests make system calls fail with it
[ "$preset" != fuzz ] || dae_packages="$dae_packages clang libclang-rt-dev libomp-dev"
[ "$script" != tests/run_tidy.py ] || dae_packages="$dae_packages clang-tidy"
if [ "$preset" = dev ] && lacks_nvdisasm && ! python3 -m pip --version >/dev/null 2>&1; then
  dae_packages="$dae_packages python3-pip"
fi
install_packages
[ "$preset" != dev ] || install_nvdisasm
if [ -n "$script" ]; then
  exec python3 "$script" "${@:2}"
fi
if [ "${1:-}" = --peers ]; then
  [ -x build/venv/bin/python3 ] || python3 -m venv build/venv
  build/venv/bin/pip install --quiet --disable-pip-version-check -r tests/peers.txt
  cmake --preset dev
  cmake --build --preset dev --target dae_manual
  exec ctest --test-dir build/dev --output-on-failure -R '^(onnx|tensorboard)$'
fi
cmake --preset $preset
cmake --build --preset $preset
[ "$preset" != fuzz ] || exec bash tests/fuzz/run.sh "${2:-30}"
# One more than there are cores: some wait, for a rank that says nothing or for a disk.
ctest --test-dir build/$preset --output-on-failure -j $(($(nproc) + 1))
