#!/bin/bash
# The timeline of a training step: what runs on the four streams, when, and what the host does
# meanwhile. docs/nsight.md says how to read it.
#   bash profiling/nsys_step.sh [unet|conv|fc] [--precision bf16] [--batch 256] [--size 64]
#                               [--build build/release] [--out NAME]
# Leaves NAME.nsys-rep for the graphical program and prints time by NVTX range and by kernel.
set -euo pipefail
cd "$(dirname "$0")/.."
model=unet precision=bf16 batch=256 size=64 build=build/release out=""
case ${1:-} in
  unet | conv | fc) model=$1; shift ;;
esac
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || { echo "nsys_step.sh: $1: give a value" >&2; exit 2; }
  case $1 in
    --precision) precision=$2 ;;
    --batch) batch=$2 ;;
    --size) size=$2 ;;
    --build) build=$2 ;;
    --out) out=$2 ;;
    *) echo "nsys_step.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
out=${out:-nsys-$model}
command -v nsys >/dev/null || { echo "not installed: nsys"; exit 77; }
export GOMP_SPINCOUNT=1000  # set, or bench starts itself again, out of the profiler's sight

# node: the kernels inside a graph are shown one by one, as on the streams they were captured from.
nsys profile --trace=cuda,nvtx,cudnn,cublas --cuda-graph-trace=node --sample=none --cpuctxsw=none \
  --force-overwrite=true --output "$out" \
  "$build/bench" --device cuda --model "$model" --precision "$precision" --batch "$batch" \
  --size "$size" --repetitions 1 --seconds 0.1 "^$model/train_step"
nsys stats --force-export=true --report nvtx_gpu_proj_sum,cuda_gpu_kern_sum,cuda_api_sum \
  "$out.nsys-rep"
