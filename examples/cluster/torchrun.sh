#!/bin/bash
# Trains on the machines that this is started on, 2 ranks each, by PyTorch's launcher: on each of them
#   bash examples/cluster/torchrun.sh NUMBER_OF_MACHINES FIRST_MACHINE
# Nothing of PyTorch is used but its launcher, which says who is who and starts all again when one is lost.
set -euo pipefail
machines=$1 first=$2

# Where every machine sees them.
photos=$HOME/photos run=$HOME/runs/photos

# Started again after a loss, the same command goes on. Ranks meet at the port after torchrun's own.
torchrun --nnodes "$machines" --nproc-per-node 2 --rdzv-backend c10d --rdzv-endpoint "$first:29400" \
  --max-restarts 3 --no-python bash -euc '
    resume=()
    [ ! -e "$1/config.json" ] || resume=(--resume)
    exec train_cuda --dataset "$0" --batch 64 --shards 8 --threads 4 --steps 100000 --out "$1" "${resume[@]}"
  ' "$photos" "$run"
