"""Stand-ins for our programs and NVIDIA's tools on a GPU that is not there, for gpu_acceptance_test.py.
Bash, by the name that each has in a build's folder; bin/ goes before the PATH."""

# Which of these programs fail, and how, is set by files beside them: `slow`, `no_gpu`, `step_fails`.
SCRIPTS = {
    "describe_gpu": """
[ ! -e "${0%/*}/no_gpu" ] || { echo "describe_gpu: no usable GPU: a stand-in" >&2; exit 1; }
printf 'Stub GPU\\nCUDA driver 13.0, runtime 13.0; cuDNN 9.19.0, cuBLASLt 13.1.0\\n'
[ "${1:-}" != --out ] || echo '{}' >"$2"
""",
    "tests/planted_bugs": "exit 0",
    "tests/adam_test": """
case $1 in --gtest_list_tests) printf 'Adam.\\n  Case/cuda\\n'; exit ;; esac
echo "LD_LIBRARY_PATH is ${LD_LIBRARY_PATH-not set}"
echo "[  PASSED  ] 3 tests."
echo "[  SKIPPED ] 1 test, listed below:"
""",
    "tests/bias_test": """
case $1 in --gtest_list_tests) printf 'Bias.\\n  Case/cuda\\n'; exit ;; esac
echo "[  FAILED  ] 1 test, listed below:"
echo "[  FAILED  ] Bias.Case/cuda"
exit 1
""",
    # The losses' kernels stand in a file of another name: the sanitizers must reach this test too.
    "tests/ssim_loss_test": """
case $1 in --gtest_list_tests) printf 'SsimLoss.\\n  Case/cuda\\n'; exit ;; esac
echo "[  PASSED  ] 2 tests."
""",
    "tests/psnr_test": """
case $1 in --gtest_list_tests) echo "Running main()"; exit ;; esac
echo "must not run"
exit 1
""",
    "tests/training_step_test": """
case $1 in --gtest_list_tests) printf 'TrainingStep.\\n  Case/cuda\\n'; exit ;; esac
[ ! -e "${0%/*}/../step_fails" ] || { echo "[  FAILED  ] TrainingStep.Case/cuda"; exit 1; }
echo "[  PASSED  ] 1 test."
""",
    "tests/cudnn_test": """
case $1 in --gtest_list_tests) printf 'Networks/CudnnTest.\n  Offers/unet\n'; exit ;; esac
[ "$(cat "$DAE_GPU_DESCRIPTION")" = '{}' ] && echo "[  PASSED  ] 6 tests."
""",
    # The corruption reaches its target, upsampling misses it; fc does not fit. A fused form is faster
    # and one is not. Every run leaves a choice of engine, which is a kernel of ours.
    "bench": """
case "$*" in *"--model fc"*) echo "bench: out of memory" >&2; exit 1 ;; esac
json="" k=1 batch=256 filter=${*: -1}
if [ -e "${0%/*}/step_fails" ]; then
  case $filter in *unet*) echo "bench: CUDA error 700 in kernel ${CUDA_LAUNCH_BLOCKING:-unknown}" >&2; exit 1 ;; esac
fi
echo '{"engine": "mma.sync, tiles of 16x16", "problem": "residual block of 64x64x32"}' >>"$XDG_CACHE_HOME/dae/engines.jsonl" || exit 1
[ ! -e "${0%/*}/slow" ] || k=2
while [ $# -gt 0 ]; do case $1 in --json) json=$2 ;; --batch) batch=$2 ;; esac; shift; done
[ -n "$json" ] || { echo ran; exit; }
median() {
  echo "$comma{\\"run_name\\": \\"$1/iterations:20/manual_time\\", \\"run_type\\": \\"aggregate\\",
    \\"aggregate_name\\": \\"median\\", \\"real_time\\": $(($2 * k)), \\"time_unit\\": \\"us\\", $3
    },
    {\\"run_name\\": \\"$1/iterations:20/manual_time\\", \\"run_type\\": \\"aggregate\\",
    \\"aggregate_name\\": \\"cv\\", \\"real_time\\": 0.02, \\"time_unit\\": \\"us\\"
    }"
  comma=,
}
comma=""
{
  echo '{"context": {"date": "2000-01-01", "device": "cuda", "gpu": "Stub GPU", "command": "bench it",
    "precision": "bf16", "batch": "'"$batch"'", "size": "64", "copy_bytes_per_second": "2e12",
    "matmul_flops_per_second": "5e13"}, "benchmarks": ['
  case $filter in
    *corrupt*)
      median corrupt/64x64x1024 80 '"Mpixel/s": 52000, "roofline": 0.5'
      median 'kernel/upsample2x/f32 1x2x2x4' 40 '"GB/s": 1500, "roofline": 0.75' ;;
  esac
  case $filter in
    *unet* | *conv*)
      median unet/train_step 10000 '"images/s": 25600, "graph_ms": 9, "host_gap": 0.1, "roofline": 0.4' ;;
    *fusion*)
      median fusion/dgrad_add/64x64x32/fused 50 '"GB/s": 1'
      median fusion/dgrad_add/64x64x32/unfused 80 '"GB/s": 1'
      median fusion/dgrad_relu/64x64x32/fused 100 '"GB/s": 1'
      median fusion/dgrad_relu/64x64x32/unfused 90 '"GB/s": 1'
      echo ', {"run_name": "fusion/up/8x8x64/fused/iterations:20/manual_time", "run_type": "iteration",
        "error_occurred": true, "error_message": "no engine fuses this"
    }' ;;
  esac
  echo ']}'
} >"$json"
""",
    "train_cuda": """
while [ $# -gt 0 ]; do [ "$1" != --out ] || run=$2; shift; done
mkdir -p "$run"
printf 'step,seconds,loss,images_per_second,validation_psnr\\n10,1,0.5,9,21.5\\n20,2,0.25,9,\\n' >"$run/metrics.csv"
""",
    "blur_report": """
while [ $# -gt 0 ]; do case $1 in --out | --json) echo edges >"$2" ;; esac; shift; done
""",
    # memcheck finds something in adam_test; racecheck is asleep.
    "bin/compute-sanitizer": """
tool=$2
while [ "${1#-}" != "$1" ]; do case $1 in --tool | --error-exitcode | --print-limit) shift ;; esac; shift; done
case $tool/$1 in
  racecheck/*planted_bugs) exit 0 ;;
  */*planted_bugs) exit 99 ;;
  memcheck/*adam_test) echo "========= ERROR SUMMARY: 2 errors"; exit 99 ;;
esac
exec "$@"
""",
    "bin/ncu": """
log=""
while [ $# -gt 0 ]; do [ "$1" != --log-file ] || log=$2; shift; done
[ -n "$log" ] || { echo details; exit; }
cat >"$log" <<'CSV'
==PROF== Connected
"ID","Kernel Name","gpu__time_duration.sum","dram__bytes.sum","launch__registers_per_thread"
"","","ns","byte","register/thread"
"0","corrupt_kernel","2,000","4,000,000","40"
CSV
""",
}


def write(folder, missing=(), instead=None):
    """The stand-ins, but for those that are missing, with some of another script."""
    for name, script in {**SCRIPTS, **(instead or {})}.items():
        if name in missing:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/bash\n" + script)
        path.chmod(0o755)
