#!/bin/bash
# The main job from nothing: builds, trains a small network on real photographs, restores one that neither
# it nor the network that ships has seen, by both, and names the pictures and the report. Under ten
# minutes on two cores.
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
rm -rf "$run" build/demo/held-out build/demo/clean build/demo/corrupted build/demo/trained build/demo/shipped
# What the network that ships was trained for: noise and slight blur.
task=(--order camera --noise 0:50 --blur 0:0.7 --brightness off --channel off)
$bin/train_cuda --dataset "$photos" "${task[@]}" --blocks 1 --global off --time "$seconds" --out "$run"

# One photograph that was held out: corrupted whole, restored, and both compared with the clean one.
if [ "$photos" != synthetic ]; then
  held_out=$(sed -n '/"held_out"/{n;s/^ *"\(.*\)",\{0,1\}$/\1/p}' "$run/config.json")
  mkdir -p build/demo/held-out
  cp "$photos/$held_out" build/demo/held-out/
  $bin/corrupt build/demo/held-out --copies --out build/demo/clean \
    --noise off --blur off --brightness off --channel off >/dev/null
  $bin/corrupt build/demo/held-out --copies --out build/demo/corrupted \
    --order camera --noise 30:30 --blur off --brightness off --channel off >/dev/null
  $bin/denoise "$run" build/demo/corrupted --out build/demo/trained --compare >/dev/null
  $bin/denoise build/demo/corrupted --out build/demo/shipped --compare
  echo
  echo "The photograph $held_out, which was held out, as a whole:"
  for step in corrupted trained shipped; do
    echo "$step: $($bin/evaluate --pairs build/demo/clean build/demo/$step)"
  done
fi
$bin/corrupt "$photos" "${task[@]}" --out build/demo/corruptions.png >/dev/null

echo
line="%-28s%s\n"
printf "$line" "What training looks like" build/demo/corruptions.png
if [ "$photos" != synthetic ]; then
  printf "$line" "Restored by this training" "$(ls build/demo/trained/*-compare.png)"
  printf "$line" "By the network that ships" "$(ls build/demo/shipped/*-compare.png)"
fi
printf "$line" "Held-out crops" "$run/samples/final.png"
printf "$line" "The report" "$run/report.html"
