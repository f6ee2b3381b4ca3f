#!/bin/bash
# The first hour on a GPU: everything that could not be tried without one, in three parts of under
# eight minutes. Each runs alone; no item stops another.
#
#   a  right    all tests on cuda; compute-sanitizer's four tools over the kernel tests, each first
#               shown awake by a planted bug; the GPU's description, and plans made from it
#   b  fast     every kernel, every convolution, the corruption, two minutes of training, the blur
#               laboratory's first question, whole steps
#   c  compared PyTorch's five modes on the same steps; Nsight Compute on every kernel and one step
#
#   bash tools/gpu_acceptance.sh [--part abc] [--build FOLDER|ARCHIVE] [--out FOLDER] [--dataset FOLDER]
#
# --build takes what tools/gpu_bundle.sh packed, or a build of this checkout; without it everything is
# built here. --out gets acceptance.json, summary.md and the logs, packed; a later run with other parts
# adds to them. Each item reads passed, failed, skipped (and why) or "waiting for a GPU". Exit code 1
# when an item failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

parts=abc build="" out=build/acceptance dataset=synthetic
while [ $# -gt 0 ]; do
  case $1 in
    --part | --build | --out | --dataset)
      [ $# -ge 2 ] || { echo "gpu_acceptance.sh: $1: give a value" >&2; exit 2; }
      case $1 in
        --part) parts=$2 ;;
        --build) build=$2 ;;
        --out) out=$2 ;;
        --dataset) dataset=$2 ;;
      esac
      shift 2 ;;
    *) echo "gpu_acceptance.sh: unknown option $1 (its first lines say what there is)" >&2; exit 2 ;;
  esac
done
case $parts in
  *[!abc]* | "") echo "gpu_acceptance.sh: --part $parts: give some of abc" >&2; exit 2 ;;
esac

readonly part_seconds=465
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/logs" "$work/results"
out=$(cd "$out" && pwd)

# --- The build ------------------------------------------------------------------------------------
if [ -z "$build" ]; then
  # shellcheck source=tools/packages.sh
  . tools/packages.sh
  install_packages
  echo "building (build/release)"
  { cmake --preset release && cmake --build --preset release; } >"$work/build.log" 2>&1 ||
    { tail -n 30 "$work/build.log" >&2; exit 1; }
  build=build/release
elif [ -f "$build" ]; then
  mkdir "$work/build"
  tar -xf "$build" -C "$work/build" || exit 1
  build=$work/build
fi
build=$(cd "$build" && pwd) || exit 1

# Tools where NVIDIA's packages put them; cuDNN also from a Python environment.
for folder in /usr/local/cuda/bin /opt/nvidia/nsight-compute/*/ /opt/nvidia/nsight-systems/*/bin/; do
  [ -d "$folder" ] && PATH=$PATH:$folder
done
wheels=$(python3 -c 'import glob, sysconfig
print(":".join(glob.glob(sysconfig.get_paths()["purelib"] + "/nvidia/*/lib")))' 2>/dev/null)
export LD_LIBRARY_PATH="$build/lib:$wheels:${LD_LIBRARY_PATH:-}" XDG_CACHE_HOME=$work/cache
export GOMP_SPINCOUNT=1000  # set, or programs start themselves again, and tools may lose sight of them

gpu=$("$build/describe_gpu" 2>"$work/why") || gpu=""
commit=$(git describe --always --dirty 2>/dev/null || cat "$build/commit" 2>/dev/null || echo unknown)
{
  echo "gpu	$gpu"
  echo "why	$(tr '\n' ' ' <"$work/why")"
  echo "driver	$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)"
  echo "commit	$commit"
} >"$work/machine.tsv"
echo "${gpu:-no GPU here: $(cat "$work/why")}; $commit"

# --- Items ----------------------------------------------------------------------------------------
part="" deadline=0 count=0 failures=0 last_report=0

report() {
  if command -v python3 >/dev/null; then
    python3 tools/acceptance_report.py "$work" "$out" || echo "the report could not be written" >&2
  else
    cp "$work/items.tsv" "$out/items.tsv"  # no python3: the bare list is all there is
  fi
  last_report=$SECONDS
}

# record NAME STATUS SECONDS NOTE COMMAND...
record() {
  local name=$1 status=$2 seconds=$3 note=$4
  shift 4
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$part" "$name" "$status" "$seconds" "${note//[$'\t\n']/ }" \
    "${*//[$'\t\n']/ }" >>"$work/items.tsv"
  printf '%s  %-52s %s%s\n' "$part" "$name" "$status" "${note:+: $note}"
  [ "$status" = failed ] && failures=$((failures + 1))
  [ $((SECONDS - last_report)) -lt 15 ] || report  # whatever ends this script, that much is kept
}

# item NAME SECONDS COMMAND...: runs it under a limit and says how it ended.
item() {
  local name=$1 limit=$2 left=$((deadline - SECONDS)) code status note="" begin=$SECONDS log
  shift 2
  if [ "$left" -lt 10 ]; then
    record "$name" skipped 0 "out of time" "$@"
    return
  fi
  [ "$left" -ge "$limit" ] || limit=$left
  count=$((count + 1))
  log=$work/logs/$part-$(printf %03d $count).log
  { echo "$*"; timeout --kill-after=5 "$limit" "$@" </dev/null; } >"$log" 2>&1
  code=$?
  local ran skipped
  ran=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | head -n 1)
  skipped=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test.*/\1/p' "$log" | head -n 1)
  [ -z "$ran" ] || note="$ran tests${skipped:+, $skipped skipped}"
  status=failed
  case $code in
    0)
      status=passed
      if [ "${ran:-1}" = 0 ]; then
        status=skipped
        if [ -z "$gpu" ] && grep -q 'no usable GPU' "$log"; then
          status="waiting for a GPU" note="$skipped tests"
        fi
      elif [ "${rehearsal:-}" = yes ]; then
        status="waiting for a GPU" note="rehearsed on the CPU"
      fi
      ;;
    77) status=skipped note=$(tail -n 1 "$log") ;;
    124 | 137) note="not over after $limit s" ;;
    2) note=$(tail -n 1 "$log") ;;  # a command line that makes no sense, GPU or not
    *)
      note=$(grep -m 1 'ERROR SUMMARY' "$log" ||
             grep '^\[  FAILED  \] ' "$log" | grep -m 1 -v 'listed below' || tail -n 1 "$log")
      if [ -z "$gpu" ] && grep -q 'no usable GPU' "$log"; then
        status="waiting for a GPU" note=""
      fi
      ;;
  esac
  record "$name" "$status" $((SECONDS - begin)) "$note" "$@"
  [ "$status" = passed ]
}

# --- a: right -------------------------------------------------------------------------------------
right() {
  local test name listed tool source
  for test in "$build"/tests/*_test; do
    name=$(basename "$test")
    case $name in simulated*) continue ;; esac
    listed=$("$test" --gtest_list_tests --gtest_filter='*cuda*' 2>/dev/null | grep '^  ')
    [ -n "$listed" ] || continue
    item "tests on cuda: $name" 120 "$test" '--gtest_filter=*cuda*'
  done

  item "description of the GPU" 60 "$build/describe_gpu" --out "$out/gpu-description.json"
  if [ -f "$out/gpu-description.json" ]; then
    item "plans made from that description" 120 env \
      "DAE_GPU_DESCRIPTION=$out/gpu-description.json" "$build/tests/cudnn_test"
  else
    record "plans made from that description" "waiting for a GPU" 0 ""
  fi

  for tool in memcheck racecheck initcheck synccheck; do
    if ! command -v compute-sanitizer >/dev/null; then
      record "$tool" skipped 0 "not installed: compute-sanitizer"
      continue
    fi
    # 99 is the tool's word for "found something"; here it has to.
    # shellcheck disable=SC2016  # the inner shell expands it
    if ! item "$tool sees a planted bug" 30 bash -c '"$@"; code=$?; [ $code = 99 ] && exit 0
      [ $code = 0 ] && { echo "asleep: the planted bug was not reported"; exit 1; }; exit $code' _ \
      compute-sanitizer --tool "$tool" --error-exitcode 99 "$build/tests/planted_bugs" "$tool"; then
      [ -z "$gpu" ] || record "$tool over the kernel tests" skipped 0 "$tool is asleep"
      continue
    fi
    for source in kernels/*.cu corrupt/*.cu; do
      name=$(basename "$source" .cu)_test
      [ -x "$build/tests/$name" ] || continue
      # The largest cases are the ordinary run's: the tools slow kernels down a hundredfold.
      item "$tool: $name" 60 compute-sanitizer --tool "$tool" --error-exitcode 99 --print-limit 10 \
        "$build/tests/$name" '--gtest_filter=*cuda*-*64x64x3*:*32x3x3x64*:*1x31x33x40*'
    done
  done
}

# --- b: fast --------------------------------------------------------------------------------------
# benchmark NAME SECONDS RESULT OPTIONS...: bench on the GPU, its JSON kept as RESULT.
benchmark() {
  local name=$1 limit=$2 result=$3
  shift 3
  item "$name" "$limit" "$build/bench" --device cuda --json "$work/results/$result.json" "$@"
}

fast() {
  local model size batch precision
  for precision in bf16 fp32; do
    benchmark "corruption and memory-bound kernels, $precision" 60 "kernels-$precision" --model none \
      --precision $precision
  done
  for model in unet conv fc; do
    benchmark "every op of $model, bf16, batch 256, size 64" 70 "ops-$model" --model $model \
      --precision bf16 --batch 256 "^$model/[^t]"
  done
  item "two minutes of training" 180 "$build/train_cuda" --device cuda --dataset "$dataset" --time 120 \
    --batch 64 --out "$work/results/run"
  mkdir -p "$work/results/edges"
  item "the blur laboratory's first question" 120 "$build/blur_report" --edges --device cuda \
    --out "$work/results/edges/edges.html" --json "$work/results/edges/edges.json"
  for size in 64 128; do
    for batch in 256 64 1024; do
      for model in unet conv fc; do
        step bf16 $model $batch $size
      done
    done
  done
  for model in unet conv fc; do step fp32 $model 256 64; done
}

step() {
  benchmark "training step of $2, $1, batch $3, size $4" 60 "step-$2-$3-$4-$1" --model "$2" \
    --precision "$1" --batch "$3" --size "$4" --repetitions 3 --seconds 0.5 "^$2/train_step"
}

# --- c: compared ----------------------------------------------------------------------------------
# What Nsight Compute is asked of each kernel: time, memory traffic, how busy, how occupied.
metrics=gpu__time_duration.sum,dram__bytes.sum,lts__t_sector_hit_rate.pct
metrics+=,dram__throughput.avg.pct_of_peak_sustained_elapsed
metrics+=,sm__throughput.avg.pct_of_peak_sustained_elapsed
metrics+=,sm__warps_active.avg.pct_of_peak_sustained_active,launch__registers_per_thread

# counters NAME SECONDS RESULT OPTIONS...: bench under Nsight Compute, its table kept as RESULT.
counters() {
  local name=$1 limit=$2 result=$3
  shift 3
  if ! command -v ncu >/dev/null; then
    record "$name" skipped 0 "not installed: ncu"
    return
  fi
  item "$name" "$limit" ncu --profile-from-start off --clock-control none --print-units base --csv \
    --page raw --metrics "$metrics" --log-file "$work/results/$result.csv" \
    "$build/bench" --device cuda --once "$@"
}

compared() {
  local peers=(python3 profiling/peers/gpu_train_step.py --build "$build"
               --json "$work/results/peers.json") model
  if ! python3 -c 'import torch, safetensors' 2>/dev/null; then
    record "PyTorch on the same steps" skipped 0 "not installed: torch and safetensors"
  elif [ -z "$gpu" ]; then
    rehearsal=yes item "PyTorch on the same steps" 60 "${peers[@]}" --rehearse --models conv --modes eager
  else
    item "PyTorch on the same steps" 330 "${peers[@]}" --budget 250
  fi
  counters "Nsight Compute on every kernel" 100 ncu-kernels --model none --precision bf16 \
    '^(corrupt|kernel)/'
  for model in unet conv fc; do
    counters "Nsight Compute on a step of $model" 100 "ncu-$model" --model $model --batch 64 \
      --precision bf16 "^$model/train_step"
  done
  item "everything about one kernel" 60 bash profiling/ncu_kernel.sh corrupt --build "$build" \
    --out "$work/results/ncu-corrupt"
  item "the timeline of a step" 60 bash profiling/nsys_step.sh unet --build "$build" \
    --out "$work/results/nsys-unet"
}

# --- The run --------------------------------------------------------------------------------------
for part in a b c; do
  case $parts in *$part*) ;; *) continue ;; esac
  deadline=$((SECONDS + part_seconds))
  case $part in
    a) right ;;
    b) fast ;;
    c) compared ;;
  esac
  report
  tar -czf "$out/details-$part.tar.gz" --exclude='*.safetensors' --exclude='*.sqlite' -C "$work" \
    logs results
done
echo "$count commands run, $failures failed; $out/summary.md"
[ "$failures" -eq 0 ]
