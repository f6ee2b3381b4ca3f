#!/bin/bash
# The first fifteen minutes on a GPU: everything that could not be tried without one, what is most
# worth knowing first. docs/gpu-day.md says what to type and what to do with what it finds.
#
#   bash tools/gpu_acceptance.sh --part first|second|rest [--build FOLDER|ARCHIVE] [--old ARCHIVE]
#                                [--engines FILE] [--out FOLDER] [--dataset FOLDER] [--simulated FOLDER]
#
#   first    330 s: what is missing there, all tests on cuda, every kernel and every op of unet, PyTorch
#            on the same step, Nsight Compute, memcheck
#   second   360 s: tests again, those that failed first; old build against new, fused against unfused,
#            conv and fc against PyTorch, racecheck, initcheck, 45 seconds of training
#   rest     what a longer lease is for: other sizes and precisions, all modes, all tools
#
# --build takes what tools/gpu_bundle.sh packed, or a build of this checkout; without it everything is
# built here. --old is an earlier such archive. --engines is the engines.jsonl that an earlier part left
# (one that lies in --out is taken too): convolutions are not timed again. --out gets acceptance.json and
# summary.md after every item, and at the end details-PART.tar.gz with all logs; a later part adds to
# them, and at most eight files are there. --dataset is for the training, synthetic if not given.
# --simulated rehearses benchmarks and training without a GPU, by programs built for the simulated one.
#
# Each item reads passed, failed, skipped (and why) or "waiting for a GPU", and stops no other. Exit code
# 1 when an item failed, 2 for a command line that makes no sense.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
command -v python3 >/dev/null || { echo "gpu_acceptance.sh: install python3, 3.11 or later" >&2; exit 1; }

for word in "$@"; do
  case $word in
    --build | --build=* | --help | -h) exec python3 tools/acceptance "$@" ;;
  esac
done
python3 tools/acceptance --check "$@" || exit  # before the minutes that a build takes
# shellcheck source=tools/packages.sh
. tools/packages.sh
install_packages
echo "building (build/release)"
log=$(mktemp) || exit 1
{ cmake --preset release && cmake --build --preset release; } >"$log" 2>&1 ||
  { tail -n 30 "$log" >&2; exit 1; }
rm -f "$log"
exec python3 tools/acceptance "$@" --build build/release
