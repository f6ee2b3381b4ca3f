"""What is tried on a GPU, in which order, and when each section must be over.

A section's number is seconds from the part's beginning. One that is over early lets the next begin
early; one that is late is cut, so that it takes nothing from those behind it. What is most worth
knowing stands first: a call may be cut off at any moment.
"""
from items import (FEW_COUNTERS, MORE_COUNTERS, bench, compile_ahead, counters, everything_about,
                   model_options, peers, planned_from_description, planted_bug, sanitized, sanitized_tests, test,
                   test_name, train)
from place import ROOT
from runner import FAILED, SKIPPED, Item, Section

# In this order: what a training step cannot do without. The others follow by name.
TESTS_FIRST = ("conv2d_test", "dense_test", "training_step_test", "trainer_test", "declarations_test")
# Under a sanitizer last: they run NVIDIA's libraries more than our kernels, or whole networks.
SANITIZED_LAST = ("cudnn_test", "conv2d_test", "dense_test", "bench_test", "perceptual_test", "edge_study_test",
                  "training_step_test", "declarations_test", "trainer_test")
STEP = "whole step and every op of unet"
TESTS_AT_ONCE, SANITIZED_AT_ONCE = 8, 4


# --- What every part begins with ------------------------------------------------------------------
def unpack(place):
    return [Item("unpack", place.unpack), Item("the GPU", place.find_gpu)]


def look_around(place, models):
    return [
        *([compile_ahead(place, models, 110)] if models else []),
        Item("missing libraries", place.missing_libraries),
        Item("which tests have cases on cuda", place.list_tests),
        Item("versions", place.find_versions),
        Item("the GPU's description", [place.build / "describe_gpu", "--out", place.out / "gpu-description.json"], 10),
    ]


def tests(place, first=TESTS_FIRST, limit=40):
    order = [name for name in dict.fromkeys([*first, *sorted(place.tests)]) if name in place.tests]
    return [*(test(place, name, limit, TESTS_AT_ONCE) for name in order),
            *(planned_from_description(place, name) for name in place.planning)]


# --- first ----------------------------------------------------------------------------------------
def kernels(place):
    return [bench(place, "corruption and kernels against their floors", "kernels", "^(corrupt|kernel)/", 18,
                  "--model", "none", "--precision", "bf16", rehearsed="^(corrupt/64x64x1024|kernel)/")]


def unet(place):
    model = "conv" if place.simulated else "unet"  # a rehearsal has few seconds as well
    return [bench(place, STEP, "unet", "^unet/", 38, *model_options(model, place=place), "--seconds", "0.3",
                  rehearsed="^conv/")]


def why_the_step_fails(place):
    """Nothing, unless it does: then blocking launches name the kernel, and memcheck the address."""
    if not place.failed(STEP, test_name("training_step_test"), test_name("trainer_test")):
        return []
    command = [(place.simulated or place.build) / "bench", "--device", "cuda", "--once",
               *model_options("unet", place=place), "^unet/train_step"]
    return [Item("the failing step, launch by launch", command, 25, {"CUDA_LAUNCH_BLOCKING": "1"}),
            sanitized("memcheck", "the failing step", command, 40)]


def pytorch_unet(place):
    return [peers(place, "PyTorch on the step of unet", "peers-unet", "--models", "unet", "--cases", "256x64",
                  "--modes", "graph,compile_graph")]


def few_counters(place):
    weights = ["--shapes", " 32x3x3x32"]  # the slowest convolution for its size
    return [
        counters(place, "counters of the step of unet", "ncu-unet", FEW_COUNTERS, "^unet/train_step", 35,
                 *model_options("unet")),
        everything_about(place, "corrupt", 20),
        everything_about(place, "relu_bias_backward", 20, "--model", "none"),
        everything_about(place, "conv2d_backward_weights", 20, *weights),
    ]


def memcheck(place):
    return sanitized_tests(place, "memcheck", sanitizer_order(place), 25)


def sanitizer_order(place):
    last = [name for name in SANITIZED_LAST if name in place.tests]
    return [name for name in sorted(place.tests) if name not in last] + last


# --- second ---------------------------------------------------------------------------------------
def tests_again(place):
    """Those that failed in the first part, then the others as time allows."""
    failed = [item["name"].removeprefix(test_name("")) for part in place.earlier.get("parts", {}).values()
              for item in part["items"] if item["status"] == FAILED and item["name"].startswith(test_name(""))]
    return tests(place, [*failed, *TESTS_FIRST], 30)


def old_against_new(place):
    if not place.old:
        return [Item("old against new", lambda: (SKIPPED, "nothing to compare with: give --old ARCHIVE"))]
    old = {"XDG_CACHE_HOME": str(place.work / "cache-old")}
    return [bench(place, f"{side}, turn {turn}", f"{side}-{turn}", "^(corrupt|kernel|unet/train_step)", 22,
                  *model_options("none" if place.simulated else "unet", place=place), "--repetitions", "3",
                  "--seconds", "0.3", rehearsed="^kernel/", build=place.old if side == "old" else place.build, environment=old if side == "old" else {})
            for turn in (1, 2) for side in ("old", "new")]


def fused_against_unfused(place):
    return [bench(place, "fused against unfused", "fusion", "^(fusion|mma)/", 28, *model_options("none", place=place),
                  may_skip=True)]


def pytorch_others(place):
    return [peers(place, "PyTorch on the steps of conv and fc", "peers-conv-fc", "--models", "conv,fc",
                  "--cases", "256x64", "--modes", "graph,compile_graph")]


def races_and_first_reads(place):
    return [item for tool in ("racecheck", "initcheck")
            for item in sanitized_tests(place, tool, sanitizer_order(place), 25)]


def main_job(place):
    return train(place, "45 seconds of the main job", 45, 53)


# --- rest -----------------------------------------------------------------------------------------
def other_ops(place):
    return [bench(place, f"every op of {model}", f"ops-{model}", f"^{model}/", 90, *model_options(model, place=place))
            for model in ("conv", "fc")]


def fp32(place):
    return [bench(place, "corruption and kernels, fp32", "kernels-fp32", "^(corrupt|kernel)/", 60,
                  "--model", "none", "--precision", "fp32"),
            *(step(place, model, 256, 64, "fp32") for model in ("unet", "conv", "fc"))]


def steps(place):
    return [step(place, model, batch, size, "bf16") for size in (64, 128) for batch in (256, 64, 1024)
            for model in ("unet", "conv", "fc")]


def step(place, model, batch, size, precision):
    return bench(place, f"training step of {model}, {precision}, batch {batch}, size {size}",
                 f"step-{model}-{batch}-{size}-{precision}", f"^{model}/train_step", 60,
                 *model_options(model, batch, size, precision, place), "--repetitions", "3", "--seconds", "0.5")


def long_job(place):
    return train(place, "two minutes of the main job", 120, 160)


def blur(place):
    folder = place.results / "edges"
    folder.mkdir(exist_ok=True)
    return [Item("the blur laboratory's first question", [
        place.build / "blur_report", "--edges", "--device", "cuda", "--out", folder / "edges.html",
        "--json", folder / "edges.json"], 120)]


def pytorch_all(place):
    return [peers(place, "PyTorch's five modes on every step", "peers")]


def all_counters(place):
    return [counters(place, "counters of every kernel", "ncu-kernels", MORE_COUNTERS, "^(corrupt|kernel)/", 120,
                     "--model", "none", "--precision", "bf16"),
            *(counters(place, f"counters of the step of {model}, batch 64", f"ncu-{model}-64", MORE_COUNTERS,
                       f"^{model}/train_step", 120, *model_options(model, 64)) for model in ("unet", "conv", "fc"))]


def timeline(place):
    return [Item("the timeline of a step", ["bash", ROOT / "profiling/nsys_step.sh", "unet", "--build", place.build,
                                            "--out", place.results / "nsys-unet"], 90, needs="nsys")]


def awake(*tools):
    return lambda place: [planted_bug(place, tool) for tool in tools]


def all_sanitizers(place):
    return [item for tool in ("memcheck", "racecheck", "initcheck", "synccheck")
            for item in sanitized_tests(place, tool, sanitizer_order(place), 120)]


PARTS = {
    "first": (
        Section("unpack", 6, unpack),
        Section("what is here", 12, lambda place: look_around(place, "unet")),
        Section("tests", 58, tests, at_once=TESTS_AT_ONCE),
        Section("kernels", 78, kernels),
        Section("unet", 118, unet),
        Section("why the step fails", 180, why_the_step_fails),
        Section("PyTorch", 220, pytorch_unet, waits=25),
        Section("counters", 283, few_counters),
        Section("is memcheck awake", 290, awake("memcheck")),
        Section("memcheck", 323, memcheck, at_once=SANITIZED_AT_ONCE),
    ),
    "second": (
        Section("unpack", 10, unpack),
        Section("what is here", 16, lambda place: look_around(place, "conv,fc")),
        Section("tests", 50, tests_again, at_once=TESTS_AT_ONCE),
        Section("old against new", 120, old_against_new),
        Section("fused against unfused", 150, fused_against_unfused),
        Section("PyTorch", 235, pytorch_others, waits=20),
        Section("are racecheck and initcheck awake", 247, awake("racecheck", "initcheck"), at_once=2),
        Section("racecheck and initcheck", 293, races_and_first_reads, at_once=SANITIZED_AT_ONCE),
        Section("main job", 353, main_job),
    ),
    "rest": (
        Section("unpack", 10, unpack),
        Section("what is here", 16, lambda place: look_around(place, "")),
        Section("other ops", 140, other_ops),
        Section("steps", 480, steps),
        Section("fp32", 620, fp32),
        Section("PyTorch", 1000, pytorch_all),
        Section("counters", 1300, all_counters),
        Section("timeline", 1400, timeline),
        Section("main job", 1580, long_job),
        Section("blur laboratory", 1700, blur),
        Section("are the sanitizers awake", 1760, awake("memcheck", "racecheck", "initcheck", "synccheck"), at_once=2),
        Section("all sanitizers", 3500, all_sanitizers, at_once=SANITIZED_AT_ONCE),
    ),
}
