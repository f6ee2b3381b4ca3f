"""Training, evaluating and reading runs."""
import json
import math
import re
import shutil

import numpy as np
import pytest

import dae
from conftest import SMALL


class Everything(dae.TrainingObserver):
    def __init__(self):
        self.told = []

    def preparing(self, what, done, total):
        self.told.append("preparing")

    def started(self, start):
        self.told.append("started")
        self.start = start

    def progressed(self, progress):
        self.told.append("progressed")
        self.progress = progress

    def measured(self, row):
        self.told.append("measured")
        self.row = row

    def saved(self, step, checkpoint):
        self.told.append("saved")
        self.step, self.checkpoint = step, checkpoint


def test_the_observer_is_told_and_the_run_is_whole(tmp_path):
    observer = Everything()
    outcome = dae.train("synthetic", observer, out=tmp_path / "run", corruption=dae.Corruption(noise=(0, 55)), **SMALL)
    assert outcome.run == tmp_path / "run" and outcome.step == outcome.last_step == 3
    order = [observer.told.index(what) for what in ("started", "progressed", "measured")]
    assert order == sorted(order) and "saved" in observer.told
    assert observer.start.run == outcome.run and observer.start.weights > 100 and observer.start.batch == 2
    assert observer.progress.step == 3 and np.isfinite(observer.progress.loss)
    start = observer.start
    assert (start.step, start.last_step, start.shards, observer.progress.last_step) == (0, 3, 1, 3)
    assert start.held_out_pictures == outcome.held_out_pictures == 48 - start.training_pictures  # of `synthetic`
    assert observer.row.step == 3 and observer.step == 3 and observer.checkpoint.is_file()
    assert [row.name for row in outcome.evaluation.rows][0] == "all"
    psnr = outcome.evaluation.rows[0].restored.mean.psnr
    assert psnr > 0 and f"psnr={psnr!r}" in repr(outcome)
    config = json.loads((outcome.run / "config.json").read_text())
    assert config["corruption"]["noise"] == "0:55" and config["batch"] == 2 and config["model"]["width"] == 4
    assert len(config["data"]["held_out"]) == outcome.held_out_pictures
    with pytest.raises(dae.Error, match="run"):  # it is there
        dae.train("synthetic", out=tmp_path / "run", **SMALL)


COLUMNS = {  # of the report's table
    "PSNR": (".2f", lambda summary: summary.mean.psnr),
    "aligned PSNR": (".2f", lambda summary: summary.mean.aligned_psnr),
    "pooled PSNR": (".2f", lambda summary: summary.pooled_psnr),
    "pooled aligned": (".2f", lambda summary: summary.pooled_aligned_psnr),
    "SSIM": (".4f", lambda summary: summary.mean.ssim),
    "aligned SSIM": (".4f", lambda summary: summary.mean.aligned_ssim),
    "brightness %": (".2f", lambda summary: summary.mean.brightness_error),
    "colour %": (".2f", lambda summary: summary.mean.colour_error),
    "CIEDE2000": (".2f", lambda summary: summary.mean.ciede2000),
}


def shown(value, form):
    return "-" if math.isnan(value) else "exact" if math.isinf(value) else f"{value:{form}}"


def decibels(mse):
    return -10 * math.log10(mse) if mse > 0 else math.inf


def test_an_evaluation_is_the_table_of_the_report(tmp_path):
    """C++ writes the report of the evaluation that Python gets."""
    outcome = dae.train("synthetic", out=tmp_path / "run", **SMALL)
    evaluation, page = outcome.evaluation, (outcome.run / "report.html").read_text("utf-8")
    assert re.findall(r"<th>([^<]*)</th>", page)[:len(COLUMNS)] == list(COLUMNS)
    table = re.findall(r'<td class="text">([^<]*)</td><td class="text">([^<]*)</td>((?:<td>[^<]*</td>)+)</tr>', page)
    expected = []
    for row in evaluation.rows:
        outputs = {"doing nothing": row.corrupted, "restored": row.restored, "grey-world": row.grey_world,
                   "true gain": row.true_gain}
        for title, summary in outputs.items():
            figures = [shown(value(summary), form) for form, value in COLUMNS.values()]
            expected.append((row.name if summary is outputs["doing nothing"] else "", title,
                             "".join(f"<td>{figure}</td>" for figure in figures)))
            assert summary.images == evaluation.views
            assert decibels(summary.mean.mse) == pytest.approx(summary.pooled_psnr)
            assert decibels(summary.mean.aligned_mse) == pytest.approx(summary.pooled_aligned_psnr)
    assert table == expected and len(table) >= 4
    assert f"Mean over {evaluation.views} held-out views ({evaluation.view_size})" in page
    assert evaluation.dataset == "synthetic" and evaluation.pictures == outcome.held_out_pictures
    assert (evaluation.max_side, evaluation.noise_clip, evaluation.left_out, evaluation.note) == (1024, "on", [], "")


def test_rows_are_those_of_metrics_csv(tmp_path):
    """C++ writes the file, of fewer digits."""
    rows = []

    class Observer(dae.TrainingObserver):
        def measured(self, row):
            rows.append(row)

    run = dae.train("synthetic", Observer(), out=tmp_path / "run", loss="mse+0.1*l1", **SMALL).run
    metrics = dae.read_run(run).metrics
    assert len(rows) == len(metrics["step"]) >= 1
    for i, row in enumerate(rows):
        psnr = math.nan if row.validation_psnr is None else row.validation_psnr
        mse, l1 = row.terms
        written = {"step": (row.step, "d"), "seconds": (row.seconds, ".3f"), "loss": (row.loss, ".6g"),
                   "learning_rate": (row.learning_rate, ".6g"), "gradient_norm": (row.gradient_norm, ".6g"),
                   "images_per_second": (row.images_per_second, ".2f"), "validation_psnr": (psnr, ".4f"),
                   "mse": (mse.value, ".6g"), "mse_gradient_norm": (mse.gradient_norm, ".6g"),
                   "l1": (l1.value, ".6g"), "l1_gradient_norm": (l1.gradient_norm, ".6g")}
        assert list(metrics) == list(written)
        for name, (value, form) in written.items():
            np.testing.assert_equal(metrics[name][i], float(f"{value:{form}}"), err_msg=name)
        assert row.step == 3 or i + 1 < len(rows)


def test_progress_counts_down(tmp_path):
    """A row a step: of its own speed a step knows nothing yet."""
    told, rows = [], []

    class Observer(dae.TrainingObserver):
        def progressed(self, progress):
            told.append(progress)

        def measured(self, row):
            rows.append(row)

    dae.train("synthetic", Observer(), out=tmp_path / "run", **SMALL)
    assert [progress.step for progress in told] == [row.step for row in rows] == [1, 2, 3]
    assert [progress.images_per_second for progress in told] == [0] + [row.images_per_second for row in rows[:2]]
    assert told[0].seconds_left > 0 and told[1].seconds_left > 0 and told[2].seconds_left == 0


@pytest.mark.parametrize("network", [
    dict(width=6, blocks=3, levels=4, stem=1, skips=False, global_=True, residual=True, noise_input=False),
    dict(width=2, blocks=1, levels=2, stem=2, skips=False, global_=False, residual=True, noise_input=True),
], ids=["deep", "told"])
def test_options_are_recorded_by_their_names(tmp_path, network):
    """As C++ writes them."""
    training = dict(batch=4, shards=2, seed=5)
    options = SMALL | network | training | dict(learning_rate=2.0**-10, max_side=512)
    run = dae.train("synthetic", out=tmp_path / "run", **options).run
    config = json.loads((run / "config.json").read_text())
    assert {name: config["model"][name.rstrip("_")] for name in network} == network
    assert {name: config[name] for name in training} == training
    assert (config["optimizer"]["learning_rate"], config["data"]["max_side"]) == (2.0**-10, 512)


@pytest.mark.parametrize("budget, words", [
    (dict(steps=2), "--steps 2"),
    (dict(epochs=0.1), "--epochs 0.1"),
    (dict(seconds=0.25), "--time 0.25, "),
], ids=["steps", "epochs", "seconds"])
def test_a_budget_is_what_its_name_says(tmp_path, budget, words):
    options = {name: value for name, value in SMALL.items() if name != "steps"}
    outcome = dae.train("synthetic", out=tmp_path / "run", **options, **budget)
    assert json.loads((outcome.run / "config.json").read_text())["budget"].startswith(words)
    assert outcome.step == outcome.last_step
    if "epochs" in budget:  # as many crops, two a step
        assert outcome.step == math.ceil(0.1 * (48 - outcome.held_out_pictures) / 2)


def test_a_corruption_is_recorded_by_its_names(tmp_path):
    """As C++ writes it, each range where its name says."""
    given = dict(noise=(1, 20, 0.5), blur=(0.5, 1.5), brightness=(0.75, 1.25), channel=None, shot=(2, 6),
                 grain=(0.25, 0.5), common=(0.125, 1), jpeg=(60, 95), order="camera", clip=False, quantize=True)
    corruption = dae.Corruption(**given)
    assert {name: getattr(corruption._spec, name) for name in given} == given
    run = dae.train("synthetic", out=tmp_path / "run", corruption=corruption, **SMALL).run
    assert json.loads((run / "config.json").read_text())["corruption"] == dict(
        noise="1:20@0.5", blur="0.5:1.5", brightness="0.75:1.25", channel="off", shot="2:6", grain="0.25:0.5",
        common="0.125:1", jpeg="60:95", order="camera", clip=False, quantize=True)


def test_a_raising_observer_ends_it_and_the_run_goes_on_to_the_same_bits(tmp_path, run):
    class Raises:
        def progressed(self, progress):
            raise LookupError(f"at {progress.step}")

    options = SMALL | {"save_every": 0.0, "loss": "mse+0.1*l1"}
    with pytest.raises(LookupError, match="at "):
        dae.train("synthetic", Raises(), out=tmp_path / "run", **options)
    assert dae.resume_training(tmp_path / "run", device="cpu").step == 3
    picture = np.random.default_rng(1).random((24, 24, 3), np.float32)
    resumed, whole = (dae.Denoiser.open(folder, device="cpu")(picture) for folder in (tmp_path / "run", run))
    assert np.array_equal(resumed, whole)


@pytest.mark.parametrize("given, error, message", [
    (dict(size=17), dae.FieldError, "size 17"),
    (dict(size="large"), TypeError, "size: expected int, got 'large'"),
    (dict(width="x"), TypeError, "width: expected int | None, got 'x'"),
    (dict(corruption=3), TypeError, "corruption: expected a Corruption of this package, got 3"),
    (dict(observer=300), TypeError, "observer: expected an object with methods of TrainingObserver, got 300"),
    (dict(observer=dae.TrainingObserver), TypeError, "observer: expected an object with methods .* got a class"),
    (dict(steps=0), dae.FieldError, "steps 0: give more than 0"),
    (dict(seed=-1), dae.FieldError, "seed -1: is out of range"),
    (dict(loss="mse\0"), dae.FieldError, r"loss 'mse\\x00'"),
    (dict(from_=b"run"), TypeError, "from_: expected a path, got b'run'"),
    (dict(features="a\0b"), ValueError, "features: expected a path that a file can have"),
    (dict(out=3), TypeError, "out: expected .*got 3"),
    (dict(model="resnet"), dae.FieldError, "model resnet"),
    (dict(loss="best"), dae.UsageError, "best"),
    (dict(sizes=64), TypeError, r"train\(\) has no option 'sizes'"),
    (dict(__class__=int), TypeError, r"train\(\) has no option '__class__'"),
    (dict(device="tpu"), dae.FieldError, "device 'tpu'"),
    (dict(steps=3, seconds=3.0), dae.UsageError, "steps|seconds"),
    (dict(from_="/nothing/there"), dae.Error, "/nothing/there"),
])
def test_options_are_checked(tmp_path, given, error, message):
    with pytest.raises(error, match=message):
        dae.train("synthetic", **({"out": tmp_path / "run"} | SMALL | given))


def test_names_that_are_no_utf8(tmp_path, run):
    """They come as os.fsdecode() has them, in words as well."""
    photos, said = tmp_path / "ph\udcffotos", []
    photos.mkdir()
    for i in range(2):
        (photos / f"{i}.ppm").write_bytes(b"P6 16 16 255\n" + np.random.default_rng(i).bytes(768))
    (photos / "not\udcfe.png").write_bytes(b"no picture")
    evaluation = dae.evaluate(run, lambda *words: said.append(words), dataset=photos, device="cpu", most_views=2, sigma=25.0)
    assert evaluation.dataset == str(photos) and len(evaluation.left_out) == 1
    assert any("ph\udcffotos" in what for what, _, _ in said)

    class Observer(dae.TrainingObserver):
        def preparing(self, what, done, total):
            raise InterruptedError(what)

    with pytest.raises(InterruptedError, match="ph\udcffotos"):
        dae.train(photos, Observer(), out=tmp_path / "run", max_side=512, **SMALL)


def test_evaluate(run):
    heard = []
    evaluation = dae.evaluate(run, lambda *words: heard.append(words), dataset="synthetic", most_views=4, sigma=25.0,
                              device="cpu")
    row, = evaluation.rows
    assert row.name == "sigma" and evaluation.views == 4 and heard
    # Noise of 25/255 alone, clipped or not, leaves about 20.2 dB.
    assert 19.5 < row.corrupted.mean.psnr < 21.5
    again = dae.evaluate(run, dataset="synthetic", most_views=4, sigma=25.0, device="cpu", max_side=None)
    assert again.rows[0].restored.mean.psnr == row.restored.mean.psnr
    other = dae.evaluate(run, dataset="synthetic", most_views=4, device="cpu", corruption=dae.Corruption(noise=10, blur=None))
    assert other.rows[0].name == "all"
    with pytest.raises(dae.Cancelled):
        dae.evaluate(run, lambda *words: False, dataset="synthetic", device="cpu")
    with pytest.raises(RecursionError):
        def endless(*words):
            return endless(*words)
        dae.evaluate(run, endless, dataset="synthetic", device="cpu")
    with pytest.raises(dae.Error, match="no-photos"):
        dae.evaluate(run, dataset="no-photos", device="cpu")
    with pytest.raises(TypeError, match="progress: expected a function, got int"):
        dae.evaluate(run, 3)
    for call in (dae.evaluate, dae.resume_training):
        with pytest.raises(TypeError, match="run: expected a path, got None"):
            call(None)
    with pytest.raises(TypeError, match=r"evaluate\(\) has no option 'views'"):
        dae.evaluate(run, views=3)


def test_evaluation_options_are_what_their_names_say(run):
    """Of views of the pictures that the run held out."""
    held_out = len(json.loads((run / "config.json").read_text())["data"]["held_out"])

    def evaluate(**options):
        return dae.evaluate(run, device="cpu", sigma=25.0, **options)

    assert held_out > 1 and evaluate(views_per_image=3).views == 3 * held_out
    assert evaluate(views_per_image=2, most_views=held_out + 1, seed=9).views == held_out + 1
    whole = evaluate(whole_pictures=True)
    assert (whole.views, whole.view_size) == (held_out, "whole pictures")
    first, other, again = (evaluate(seed=seed).rows[0].corrupted.mean.psnr for seed in (1, 9, 9))
    assert first != other == again


def test_evaluate_says_of_each_output_what_it_is(run):
    """Half as bright: doing nothing is right but for a factor of 2, which is exact, and the true gain undoes it."""
    dark = dae.Corruption(noise=None, blur=None, brightness=0.5, channel=None, clip=False, quantize=False)
    evaluation = dae.evaluate(run, dataset="synthetic", most_views=4, device="cpu", corruption=dark, max_side=512)
    held_out = len(json.loads((run / "config.json").read_text())["data"]["held_out"])
    assert (evaluation.dataset, evaluation.pictures, evaluation.trained_on) == ("synthetic", 48, 48 - held_out)
    assert (evaluation.views, evaluation.view_size, evaluation.max_side) == (4, "16x16 crops", 512)
    assert (evaluation.noise_clip, evaluation.left_out, evaluation.note) == ("off", [], "")
    every, alone, clean = evaluation.rows
    assert (every.name, alone.name, clean.name) == ("all", "brightness", "clean")
    for row in (every, alone):
        nothing, mean = row.corrupted, row.corrupted.mean
        assert (nothing.images, nothing.exact, nothing.aligned_exact) == (4, 0, 4)
        assert mean.mse > 0 == mean.aligned_mse and math.isfinite(mean.psnr) and math.isinf(mean.aligned_psnr)
        assert math.isfinite(nothing.pooled_psnr) and math.isinf(nothing.pooled_aligned_psnr)
        assert mean.ssim < mean.aligned_ssim == pytest.approx(1)
        assert mean.brightness_error == pytest.approx(100 * math.log(2))
        assert mean.colour_error == pytest.approx(0) and mean.ciede2000 > 1
        assert row.true_gain.exact == 4 and row.grey_world.exact == 0
    assert clean.corrupted.exact == 4


def test_errors_are_what_python_has_as_well():
    assert dae.Error.__bases__ == (RuntimeError,)
    assert dae.UsageError.__bases__ == (dae.Error, ValueError)
    assert dae.FieldError.__bases__ == (dae.UsageError,)
    assert dae.OutOfMemory.__bases__ == (dae.Error, MemoryError)
    assert dae.Cancelled.__bases__ == (dae.Error,)


def test_read_run(run, tmp_path):
    read = dae.read_run(run)
    assert read.config["batch"] == 2
    assert read.metrics["step"].dtype == np.int64 and read.metrics["step"][-1] == 3
    assert set(read.metrics) >= {"loss", "seconds", "validation_psnr", "mse", "l1", "l1_gradient_norm"}
    # The columns hang together: the loss is the sum of its terms.
    np.testing.assert_allclose(read.metrics["loss"], read.metrics["mse"] + 0.1 * read.metrics["l1"], rtol=1e-4)
    steps, psnr = read.curve
    assert len(steps) == len(psnr) >= 1 and np.isfinite(psnr).all()

    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    with open(copy / "metrics.csv", "a") as file:
        file.write("4,1.5,0.0")  # still being written
    assert list(dae.read_run(copy).metrics["step"]) == list(read.metrics["step"])
    for text in ("", "step,loss\n1,much\n", "loss\n1\n", "step,loss\n1,2,3,4\n", "step\ninf\n", "step\nnan\n", "step\n1\n\0\n"):
        (copy / "metrics.csv").write_text(text)
        with pytest.raises(dae.Error, match="metrics.csv"):
            dae.read_run(copy)
    for text in ("{", "[]", "[" * 100000):
        (copy / "config.json").write_text(text)
        with pytest.raises(dae.Error, match="copy: cannot be read as a run"):
            dae.read_run(copy)
    with pytest.raises(dae.Error, match="nowhere: cannot be read as a run"):
        dae.read_run(tmp_path / "nowhere")
    with pytest.raises(TypeError, match="folder: expected a path, got 3"):
        dae.read_run(3)


def test_read_run_as_a_frame(run):
    pandas = pytest.importorskip("pandas")
    frame = dae.read_run(run).frame()
    assert isinstance(frame, pandas.DataFrame)
    csv = pandas.read_csv(run / "metrics.csv")
    pandas.testing.assert_frame_equal(frame, csv)
