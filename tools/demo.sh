#!/bin/bash
# The main job from nothing: builds, trains a small network on real photographs, restores one that it
# has not seen, and names the pictures and the report. Under ten minutes on two cores.
#   bash tools/demo.sh [SECONDS OF TRAINING, 180 by default]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-180}
. tools/packages.sh
install_packages

# The CPU part is all this needs; `cmake --preset release` builds the CUDA kernels too.
echo "building (build/demo/log.txt)"
mkdir -p build/demo
if ! { cmake -S . -B build/demo/build -G Ninja -DCMAKE_BUILD_TYPE=Release -DDAE_CUDA=OFF \
         -DDAE_TESTS=OFF -DDAE_BENCH=OFF &&
       cmake --build build/demo/build; } >build/demo/log.txt 2>&1; then
  tail -n 30 build/demo/log.txt >&2
  exit 1
fi
bin=build/demo/build

# Twelve nature photographs of Debian's mate-backgrounds package, unpacked here, not installed.
photos=build/demo/photos
if [ ! -d "$photos" ]; then
  rm -rf build/demo/package && mkdir -p build/demo/package
  if (cd build/demo/package && apt-get download mate-backgrounds >/dev/null 2>&1 &&
      dpkg-deb -x mate-backgrounds_*.deb .); then
    mv build/demo/package/usr/share/backgrounds/mate/nature "$photos"
  else
    echo "no Debian registry can be reached: using pictures drawn by the program itself"
    photos=synthetic
  fi
  rm -rf build/demo/package
fi

run=build/demo/run
rm -rf "$run" build/demo/held-out build/demo/clean build/demo/corrupted build/demo/restored
$bin/train_cuda --dataset "$photos" --width 16 --blocks 1 --time "$seconds" --out "$run"

# One photograph that was held out: corrupted whole, restored, and both compared with the clean one.
if [ "$photos" != synthetic ]; then
  held_out=$(sed -n '/"held_out"/{n;s/^ *"\(.*\)",\{0,1\}$/\1/p}' "$run/config.json")
  mkdir -p build/demo/held-out
  cp "$photos/$held_out" build/demo/held-out/
  $bin/corrupt build/demo/held-out --copies --out build/demo/clean \
    --noise off --blur off --brightness off --channel off >/dev/null
  $bin/corrupt build/demo/held-out --copies --out build/demo/corrupted >/dev/null
  $bin/denoise "$run" build/demo/corrupted --out build/demo/restored --compare >/dev/null
  echo
  echo "The photograph $held_out, which was held out, as a whole:"
  echo "corrupted: $($bin/evaluate --pairs build/demo/clean build/demo/corrupted)"
  echo "restored:  $($bin/evaluate --pairs build/demo/clean build/demo/restored)"
fi
$bin/corrupt "$photos" --out build/demo/corruptions.png >/dev/null

echo
line="%-26s%s\n"
printf "$line" "What training looks like" build/demo/corruptions.png
[ "$photos" = synthetic ] ||
  printf "$line" "That photograph" "$(ls build/demo/restored/*-compare.png)"
printf "$line" "Held-out crops" "$run/samples/final.png"
printf "$line" "The report" "$run/report.html"
