#!/bin/bash
# Packs a build for a GPU machine that has neither this project's Debian packages nor a network:
# programs, the tests that have a CUDA side, and the shared libraries they need. Programs find those in
# lib/ beside them by their RPATH, whatever the environment says.
#   bash tools/gpu_bundle.sh [--build FOLDER] [ARCHIVE]              here: build/gpu_bundle.tar.xz
#   bash tools/gpu_acceptance.sh --build build/gpu_bundle.tar.xz     there, in a checkout of the same commit
# It builds preset `bundle`, whose tests find their files from the root of any checkout. --build packs
# what another preset has built in FOLDER: a rehearsal for this machine, since tests of other presets look
# for their files in the checkout that they were built in.
# Not packed: glibc, libstdc++ and libgcc_s (nvcc has a compiler beside it, which brings them), the
# driver, and cuDNN, cuBLAS and NVRTC: too large, and a toolkit or a Python environment there has them.
# From wheels they are linked into the unpacked lib/, all of them side by side: cuDNN looks for its parts,
# libcudnn_*.so.9, and for NVRTC in the folder of the link, not of what it points to, and NVRTC for its
# builtins. Without the parts the program ends; without NVRTC cuDNN offers no fused graph of the backward
# pass, and without the builtins it compiles none (seen with cuDNN 9.19 and a stub for the driver).
set -euo pipefail
cd "$(dirname "$0")/.."

refuse() {
  echo "gpu_bundle.sh: $1" >&2
  exit "${2:-1}"
}

build="" archive="" preset=6
while [ $# -gt 0 ]; do
  case $1 in
    --build) [ $# -ge 2 ] || refuse "--build: give a folder" 2; build=$2 preset=1; shift ;;
    -*) refuse "unknown option $1 (its first lines say what there is)" 2 ;;
    *) [ -z "$archive" ] || refuse "one archive, not both $archive and $1" 2; archive=$1 ;;
  esac
  shift
done
archive=${archive:-build/gpu_bundle.tar.xz}
readonly most=$((64 << 20))  # what a machine may be handed at once: this and a checkout
readonly programs=(train_cuda study denoise evaluate export corrupt blur_report bench dump_step describe_gpu)
tests=()
while read -r source; do tests+=("$(basename "$source" .cpp)"); done \
  < <(find tests -name '*_test.cpp' -not -path 'tests/simulated_gpu/*' | sort)

if [ -z "$build" ]; then
  # shellcheck source=tools/packages.sh
  . tools/packages.sh
  install_packages
  build=build/bundle
  cmake --preset bundle
  cmake --build --preset bundle --target "${programs[@]}" planted_bugs "${tests[@]}"
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
mkdir "$stage/tests" "$stage/lib"
for program in "${programs[@]}" tests/planted_bugs; do
  [ -x "$build/$program" ] || refuse "$build has no $program: build everything, with nvcc, first"
  strip -o "$stage/$program" "$build/$program"
done
for test in "${tests[@]}"; do
  [ -x "$build/tests/$test" ] || refuse "$build has no tests/$test: build everything first"
  listed=$("$build/tests/$test" --gtest_list_tests --gtest_filter='*cuda*:*Cudnn*')
  case $listed in *"  "*) strip -o "$stage/tests/$test" "$build/tests/$test" ;; esac
done

needed=$(ldd "${programs[@]/#/$stage/}" "$stage"/tests/*)
if missing=$(grep 'not found' <<<"$needed"); then refuse "libraries are missing here: $missing"; fi
awk '$2 == "=>" && $3 ~ /^\// {print $1, $3}' <<<"$needed" | sort -u | while read -r name path; do
  case $name in
    libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.*) ;;
    libstdc++.so.* | libgcc_s.so.*) ;;
    libcuda.so.* | libcudnn*.so.* | libcublas*.so.* | libnvrtc*.so.*) ;;
    *)
      strip -o "$stage/lib/$name" "$path"
      # A library's own RUNPATH (Debian's libexiv2 has one) would hide the program's from what it needs.
      chrpath -d "$stage/lib/$name" >/dev/null 2>&1 || true
      ;;
  esac
done
git describe --always --dirty >"$stage/commit" 2>/dev/null || echo unknown >"$stage/commit"

# Test programs are alike, which xz sees as far back as its dictionary reaches: 28 MiB where a preset's own makes 54,
# in the same time. There Python unpacks it. A rehearsal's archive is larger and made in a fifth of the time.
mkdir -p "$(dirname "$archive")"
tar -C "$stage" --owner=0 --group=0 -cf - . | xz -T0 --lzma2="preset=$preset,dict=64MiB" >"$archive.part"
bytes=$(stat -c %s "$archive.part")
# Where there is no git, or this is no checkout of its, the archive is held to the limit alone.
checkout=$({ git ls-files -z || true; } 2>/dev/null | { du -cb --files0-from=- || true; } 2>/dev/null |
  awk 'END {print $1}')
if [ $((bytes + checkout)) -ge "$most" ]; then
  rm "$archive.part"
  refuse "$bytes bytes and a checkout of $checkout together reach $((most >> 20)) MiB: too large to be carried"
fi
mv "$archive.part" "$archive"
echo "$archive: $((bytes >> 20)) MiB, with the checkout $(((bytes + checkout) >> 20)) of $((most >> 20));" \
  "$(find "$stage/tests" -name '*_test' | wc -l) test programs"
