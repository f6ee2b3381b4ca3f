#!/bin/bash
# Runs harnesses under libFuzzer, SECONDS each, from build/fuzz/corpus/, which grows from run to run. Ends with
# 1 when there were findings, with what repeats each.
#   bash tests/fuzz/run.sh SECONDS [HARNESS...]      once the preset fuzz is built: tools/test.sh --fuzz does both
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1
shift
corpus=build/fuzz/corpus findings=build/fuzz/findings
names=$(build/fuzz/tests/fuzz_seeds $corpus)
[ $# -eq 0 ] || names=$*
# No memory beyond a few times a harness's picture of 4 MB and the 32 MB that a PNG's texts may take.
export OMP_NUM_THREADS=1 ASAN_OPTIONS=quarantine_size_mb=16:max_malloc_fill_size=65536
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm  # harnesses write a file a run
failed=0
for name in $names; do
  mkdir -p $findings/$name
  log=$findings/$name.log
  status=0
  DAE_HARNESS=$name build/fuzz/fuzz -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -malloc_limit_mb=256 -max_len=65536 -print_final_stats=1 -artifact_prefix=$findings/$name/ \
    $corpus/$name >$log 2>&1 || status=$?
  printf '%-12s %s executions, exit code %s\n' "$name" \
    "$(sed -n 's/stat::number_of_executed_units: *//p' $log)" $status
  [ $status -eq 0 ] && continue
  file=$(sed -n 's/.*Test unit written to //p' $log | tail -1)
  # libFuzzer's ten seconds are those of a clock. On a busy machine what counts is what the input takes.
  if [[ $file == */timeout-* ]] && (ulimit -t 10 && DAE_HARNESS=$name build/fuzz/fuzz "$file" >/dev/null 2>&1); then
    echo "  it ended at an input that takes no ten seconds: the machine is busy"
    rm "$file"
    continue
  fi
  failed=1
  grep -m 3 -E 'ERROR|runtime error|finding:|SUMMARY|terminate' $log || true
  echo "  all of it: $log; again: DAE_HARNESS=$name build/fuzz/fuzz $file"
done
exit $failed
