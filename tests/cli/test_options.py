"""The settings' fields are the options of the commands: each once, with its default, its check and its place."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from gdest.cli.options import app
from gdest.core.calibration import CalibrationSettings
from gdest.core.errors import SettingsError
from gdest.core.settings import GradeSettings
from gdest.reports.report_settings import ReportSettings
from gdest.scan.settings import ScanSettings
from gdest.scan.shards import Shard
from gdest.synth.settings import SynthSettings
from gdest.training.draw_settings import DrawSettings
from gdest.training.settings import TrainSettings
from gdest.training.study.schemes import StudySettings

CALIBRATION = "um-per-px magnification camera-um"
BAR = "read-scale-bar scale-bar-um"
TILES = "stride batch max-megapixels device"
OPTIONS = {
    "analyze": f"{CALIBRATION} {BAR} {TILES} precision count no-count config weights heatmap json",
    "count": f"{CALIBRATION} {BAR} batch max-megapixels device precision config weights boundaries by out rois json",
    "scan": f"{CALIBRATION} {BAR} {TILES} precision count no-count config weights read-timeout out "
    "heatmaps no-heatmaps force fail-on-reject include exclude since limit dry-run log-file watch poll settle "
    "shard moved engine address csv workers",
    "init": "out force",
    "merge": "csv",
    "explain": f"{CALIBRATION} {TILES} weights regressor",
    "train": "out init epochs batch lr schedule average crop-px crops-per-micrograph rescale-g contrast "
    "validation-share calibration mix mix-share unfit unfit-pictures um-per-px reference-um-per-px seed device bf16 "
    "task head backbone input rescale no-rescale test-share optimizer keep-norm preset "
    "draw draw-size draw-g-min draw-g-max draw-seed draw-workers",
    "calibrate": "out um-per-px weights device precision",
    "evaluate": "out um-per-px weights device precision count no-count paper",
    "synth": "count g-min g-max seed size um-per-px label-maps workers grades",
    "study": "out unseen seeds epochs configs init batch image-batch crops-per-micrograph lr validation-share "
    "test-share split-seed um-per-px device bf16 minutes",
    "report": "config fail-on-reject csv",
    "certificate": "specimen heat all out config",
    "verify": "root sha256",
    "info": "weights json",
}


def flags(command):
    found = []
    for parameter in typer.main.get_command(app).commands[command].params:
        if parameter.param_type_name == "option":
            found += [*parameter.opts, *parameter.secondary_opts]
    return found


@pytest.mark.parametrize("command", OPTIONS)
def test_a_command_has_each_of_its_options_once(command):
    short = ["-q", *(["-o"] if "out" in OPTIONS[command].split() else [])]
    assert sorted(flags(command)) == sorted([*(f"--{name}" for name in OPTIONS[command].split()), "--quiet", *short])


def test_without_options_the_settings_are_those_that_their_class_declares(typed):
    assert typed("scan", "a", "--out", "o")[2:] == (GradeSettings(count=True), None, None, ScanSettings())
    assert typed("analyze", "a.tif")[1] == typed("count", "a.tif")[1] == GradeSettings(count=True)
    assert typed("explain", "a.tif")[1] == GradeSettings(batch=64, max_megapixels=400.0)
    assert typed("train", "d", "--out", "w.safetensors")[2] == TrainSettings()
    assert typed("evaluate", "d")[1] == GradeSettings(count=True)
    assert typed("evaluate", "d", "--no-count")[1] == GradeSettings()
    assert typed("synth", "o")[1] == SynthSettings()
    assert typed("study", "d", "--out", "o")[2] == StudySettings()


def test_each_option_of_a_scan_arrives_in_its_field(typed):
    words = (
        "--um-per-px 0.5 --camera-um 3.45 --read-scale-bar --scale-bar-um 100 --stride 112 --batch 8 --device cpu "
        "--precision fp32 --max-megapixels 50 --read-timeout 60 --no-count --no-heatmaps --force --fail-on-reject "
        "--dry-run --log-file l --include a* --include b* --exclude c* --since 7d --limit 3 --shard 2/3 "
        "--poll 1 --settle 2 --moved --engine ray --address host --csv european"
    )
    _, _, grading, _, _, scanning = typed("scan", "a", "--out", "o", *words.split())
    calibration = CalibrationSettings(0.5, None, 3.45, read_scale_bar=True, scale_bar_um=100.0)
    assert grading == GradeSettings(calibration, 112, 8, "cpu", "fp32", 50.0, 60.0, count=False)
    assert scanning == ScanSettings(
        heatmaps=False, force=True, fail_on_reject=True, dry_run=True, log_file=Path("l"),
        include=("a*", "b*"), exclude=("c*",), since="7d", limit=3, shard=Shard(2, 3), poll_s=1.0, settle_s=2.0,
        moved=True, engine="ray", address="host", reports=ReportSettings("european"),
    )  # fmt: skip
    assert typed("scan", "a", "--out", "o", "--workers", "3")[5] == ScanSettings(workers=3)
    assert [typed("scan", "a", "--out", "o", *word)[2].count for word in ((), ("--count",), ("--no-count",))] == [
        *(True, True, False)
    ]
    assert not typed("analyze", "a.tif", "--no-count")[1].count
    assert typed("scan", "a", "--out", "o", "--magnification", "200", "--camera-um", "4")[2] == GradeSettings(
        CalibrationSettings(magnification=200.0, camera_um=4.0), count=True
    )


def test_folders_of_what_must_not_be_graded_arrive_in_their_field(typed):
    assert typed("train", "d", "--out", "w.safetensors", "--unfit", "./u", "--unfit", "v/")[2].unfit == ("u", "v")


def test_each_option_of_training_arrives_in_its_field(typed):
    words = (
        "--epochs 2 --batch 3 --lr 0.01 --schedule cosine --average 0.9 --crop-px 64 --crops-per-micrograph 5 "
        "--rescale-g 1 --contrast 0.1 --validation-share 0.2 --unfit-pictures 6 --calibration ./c --mix m/ --mix n "
        "--mix-share 0.3 --seed 7 --init w --device cpu --bf16 --um-per-px 2 --reference-um-per-px 3 "
        "--task classification --head ext --backbone vgg16 --no-rescale --test-share 0.4 --optimizer sgd --keep-norm"
    )
    assert typed("train", "d", "--out", "w.safetensors", *words.split())[2] == TrainSettings(
        epochs=2, batch=3, learning_rate=0.01, schedule="cosine", average=0.9, crop_px=64, crops_per_micrograph=5,
        rescale_g=1.0, contrast=0.1, validation_share=0.2, unfit_pictures=6, calibration=("c",), mix=("m", "n"),
        mix_share=0.3, seed=7, init="w", device="cpu", bf16=True, um_per_px=2.0, reference_um_per_px=3.0,
        task="classification", head="ext", backbone="vgg16", rescale=False, test_share=0.4, optimizer="sgd",
        keep_norm=True,
    )  # fmt: skip
    assert typed("train", "d", "--out", "w.safetensors", "--input", "image")[2] == TrainSettings(input="image")
    words = "--draw 9 --draw-size 300x224 --draw-g-min 2 --draw-g-max 5,5 --draw-seed 7 --draw-workers 3"
    data, _, settings = typed("train", "--out", "w.safetensors", *words.split())
    assert (data, settings) == (None, TrainSettings(drawing=DrawSettings(9, "300x224", 2.0, 5.5, 7, 3)))
    made = settings.drawing.synthetic(0.5, first=4, count=2)
    assert (made.rows, made.cols, made.um_per_px, made.workers, made.first, made.count) == (224, 300, 0.5, 3, 4, 2)


def test_the_options_of_a_study_are_those_of_its_runs_and_its_own(typed):
    words = "--seeds 2 --configs a* --configs b* --image-batch 4 --split-seed 5 --epochs 6 --test-share 0.5 --init none"
    found = typed("study", "d", "--out", "o", *words.split())[2]
    training = TrainSettings(epochs=6, init="none", seed=5, validation_share=0.219, test_share=0.5)
    assert found == StudySettings(training, 2, ("a*", "b*"), 4)
    assert typed("study", "d", "--out", "o", "--minutes", "7,5")[2] == StudySettings(minutes=7.5)


@pytest.mark.parametrize(
    ("command", "words", "good"),
    [
        ("scan", "--um-per-px 0", "0.001"), ("scan", "--um-per-px inf", "9"), ("scan", "--camera-um -1", "1"),
        ("scan", "--scale-bar-um 0", "1"), ("scan", "--stride 225", "224"), ("scan", "--stride 0", "1"),
        ("scan", "--batch -1", "0"), ("scan", "--precision half", "bf16"), ("scan", "--max-megapixels 0", "0.1"),
        ("scan", "--read-timeout 0", "0.1"), ("scan", "--limit 0", "1"), ("scan", "--poll 0", "0.1"),
        ("scan", "--settle -0.1", "0"), ("scan", "--engine dask", "ray"), ("scan", "--shard 4/3", "3/3"),
        ("scan", "--csv german", "plain"), ("scan", "--workers -1", "0"),
        ("train", "--epochs -1", "1"), ("train", "--batch 0", "1"), ("train", "--lr 0", "1e-9"),
        ("train", "--lr nan", "1"), ("train", "--schedule step", "cosine"), ("train", "--average 1", "0"),
        ("train", "--crop-px 32", "64"), ("train", "--crop-px 80", "96"), ("train", "--crops-per-micrograph 0", "1"),
        ("train", "--rescale-g 4.1", "4"), ("train", "--rescale-g -0.1", "0"), ("train", "--contrast 1", "0"),
        ("train", "--contrast -0.1", "0.9"), ("train", "--validation-share 0", "0.9"),
        ("train", "--validation-share 1", "0.1"), ("train", "--mix-share 1", "0.9"), ("train", "--mix-share 0", "0.1"),
        ("train", "--unfit-pictures 0", "1"), ("train", "--um-per-px 0", "1"),
        ("train", "--reference-um-per-px 0", "1"), ("train", "--task guess", "classification"),
        ("train", "--head long", "ext"), ("train", "--backbone vgg19", "vgg16"), ("train", "--input tile", "image"),
        ("train", "--test-share 1", "0"), ("train", "--optimizer lion", "sgd"),
        ("synth", "--count 0", "1"), ("synth", "--workers 0", "1"), ("synth", "--um-per-px 0", "1"),
        ("synth", "--g-min -0.1", "0"), ("synth", "--g-max 16.1", "16"), ("synth", "--grades 16.1", "16"),
        ("synth", "--size 223x224", "224x224"), ("study", "--seeds 0", "1"), ("study", "--image-batch 0", "1"),
        ("study", "--epochs 0", "1"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_its_option_and_the_nearest_right_one_is_taken(typed, command, words, good):
    needed = {"scan": ("a", "--out", "o"), "train": ("d", "--out", "w.safetensors"), "synth": ("o",)}
    arguments = (command, *needed.get(command, ("d", "--out", "o")))
    flag, bad = words.split()
    with pytest.raises(SettingsError, match=rf"{flag}\b.*\.$"):
        typed(*arguments, flag, bad)
    assert typed(*arguments, *(("--engine", "ray") if good == "ray" else (flag, good)))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("scan a --out o --magnification 100", "--magnification needs --camera-um."),
        ("scan a --out o --magnification 100 --camera-um 3 --um-per-px 1", "Give --um-per-px or --magnification"),
        ("scan a --out o --watch --force", "--watch goes with neither"),
        ("scan a --out o --watch --dry-run", "--watch goes with neither"),
        ("scan a --out o --address host", "--address goes with --engine ray."),
        ("scan a --out o --workers 2 --engine ray", "--workers goes with --engine local"),
        ("train d --out w.safetensors --epochs 0", "--epochs 0 needs --init FILE."),
        ("train d --out w.safetensors --keep-norm", "--keep-norm needs --init."),
        ("train d --out w.safetensors --mix m --input image", "--mix goes with --input crop."),
        ("train d --out w.safetensors --validation-share 0.5 --test-share 0.5", "leave nothing."),
        ("synth o --g-min 5 --g-max 4", "--g-min and --g-max must satisfy"),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence(typed, words, sentence):
    with pytest.raises(SettingsError, match=sentence):
        typed(*words.split())
