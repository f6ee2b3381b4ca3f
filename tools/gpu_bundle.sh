#!/bin/bash
# Packs a build for a GPU machine that has neither this project's Debian packages nor a network:
# programs, the tests that have a CUDA side, and the shared libraries they need. It runs from the root
# of any checkout of the same commit:
#   bash tools/gpu_bundle.sh [build/gpu_bundle.tar.xz]
#   bash tools/gpu_acceptance.sh --build build/gpu_bundle.tar.xz        there
# Not packed: glibc, GCC's own libraries (a machine with a CUDA toolkit has them), the driver, cuDNN
# and cuBLAS (from a toolkit or a Python environment there).
set -euo pipefail
cd "$(dirname "$0")/.."
archive=${1:-build/gpu_bundle.tar.xz}
readonly most=$((60 << 20))  # small enough to be carried along with a checkout
# shellcheck source=tools/packages.sh
. tools/packages.sh
install_packages

cmake --preset bundle
programs=(train_cuda denoise evaluate corrupt blur_report bench dump_step describe_gpu)
tests=()
for source in tests/*_test.cpp; do tests+=("$(basename "$source" .cpp)"); done
cmake --build --preset bundle --target "${programs[@]}" planted_bugs "${tests[@]}"

stage=build/bundle/stage
rm -rf "$stage"
mkdir -p "$stage/tests" "$stage/lib"
for program in "${programs[@]}"; do cp "build/bundle/$program" "$stage/"; done
cp build/bundle/tests/planted_bugs "$stage/tests/"
for test in "${tests[@]}"; do
  listed=$("build/bundle/tests/$test" --gtest_list_tests --gtest_filter='*cuda*:*Cudnn*')
  case $listed in *"  "*) cp "build/bundle/tests/$test" "$stage/tests/" ;; esac
done
find "$stage" -type f -exec strip {} +
for file in "$stage"/* "$stage"/tests/*; do
  [ -f "$file" ] && ldd "$file"
done | awk '$2 == "=>" && $3 ~ /^\// {print $1, $3}' | sort -u | while read -r name path; do
  case $name in
    libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | libstdc++.so.* | libgcc_s.so.* | libcud*) ;;
    *) cp -L "$path" "$stage/lib/$name"; strip "$stage/lib/$name" ;;
  esac
done
git describe --always --dirty >"$stage/commit"

tar -C "$stage" -cf - . | xz -T0 -6 >"$archive"
bytes=$(stat -c %s "$archive")
echo "$archive: $((bytes >> 20)) MB; $(find "$stage" -name '*_test' | wc -l) test programs"
if [ "$bytes" -gt $most ]; then
  echo "gpu_bundle.sh: more than $((most >> 20)) MB: too large to be carried" >&2
  exit 1
fi
