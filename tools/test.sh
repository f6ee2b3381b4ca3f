#!/bin/bash
# Builds everything and runs all tests. Tests that need a GPU read "skipped" where there is none.
#   bash tools/test.sh              the ordinary run
#   bash tools/test.sh --sanitize   the CPU part again under AddressSanitizer and UBSan
set -euo pipefail
cd "$(dirname "$0")/.."
preset=dev
case "${1:-}" in
  "") ;;
  --sanitize) preset=asan ;;
  *) echo "test.sh: unknown option $1 (--sanitize or nothing)" >&2; exit 2 ;;
esac
. tools/packages.sh
install_packages
cmake --preset $preset
cmake --build --preset $preset
ctest --test-dir build/$preset --output-on-failure -j "$(nproc)"
