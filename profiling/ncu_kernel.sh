#!/bin/bash
# Everything Nsight Compute knows about one op's kernels, with cold caches, at each size that it has in a
# network. docs/nsight.md says how to read it.
#   bash profiling/ncu_kernel.sh OP [--model unet|none] [--precision bf16] [--batch 256] [--size 64]
#                                   [--shapes REGEX] [--build build/release] [--out NAME]
# OP is a name as `bench --list` has it: corrupt, upsample2x, adam, conv2d_forward. --shapes takes those
# whose shapes match alone: 32x3x3x32. --model none takes the kernel's own benchmark, without a network.
# Leaves NAME.ncu-rep for the graphical program and prints the details.
set -euo pipefail
cd "$(dirname "$0")/.."
op=${1:-} model=unet precision=bf16 batch=256 size=64 build=build/release out="" shapes=""
case $op in
  "" | -*) echo "ncu_kernel.sh: give the name of an op (bench --list)" >&2; exit 2 ;;
esac
shift
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || { echo "ncu_kernel.sh: $1: give a value" >&2; exit 2; }
  case $1 in
    --model) model=$2 ;;
    --precision) precision=$2 ;;
    --batch) batch=$2 ;;
    --size) size=$2 ;;
    --shapes) shapes=$2 ;;
    --build) build=$2 ;;
    --out) out=$2 ;;
    *) echo "ncu_kernel.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
out=${out:-ncu-$op}
command -v ncu >/dev/null || { echo "not installed: ncu"; exit 77; }
export GOMP_SPINCOUNT=1000  # set, or bench starts itself again, out of the profiler's sight

# The corruption and the memory-bound kernels have benchmarks of their own, without a network.
case $op in
  corrupt) model=none filter="^corrupt/${size}x${size}x" ;;
  upsample2x* | sigmoid | residual_output | *_loss) model=none filter="^kernel/$op/" ;;
  *)
    filter="^$model/$op/"
    [ "$model" != none ] || filter="^kernel/$op/"
    ;;
esac
[ -z "$shapes" ] || filter="$filter.*($shapes)"
# The caches are emptied by ncu before each of the replays that it needs for its counters.
ncu --profile-from-start off --clock-control none --set full --force-overwrite --export "$out" \
  "$build/bench" --device cuda --once --model "$model" --precision "$precision" --batch "$batch" \
  --size "$size" "$filter"
ncu --import "$out.ncu-rep" --page details
