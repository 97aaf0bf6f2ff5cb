"""Make the training runs of a study, one row each, so that an interrupted study goes on where it stopped."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gdest.core import DataError, ModelCard, SettingsError, __version__, in_plain_words, in_time, live, write_atomically
from gdest.model import LoadedModel, choose_device, load_model, to_device
from gdest.training.examples import Example, grades_present, load_examples
from gdest.training.feeding import Decoded
from gdest.training.fit import fit, new_card
from gdest.training.frames import write_frame
from gdest.training.labels import read_labels, split_in_three
from gdest.training.paper_scores import Answers, answers_of, grades_of, score
from gdest.training.run_files import checkpoint_path, unfinished_path
from gdest.training.settings import TrainSettings
from gdest.training.stages import Say, Stage, no_stage
from gdest.training.study.grid import Configuration, chosen, run_settings
from gdest.training.study.schemes import StudySettings

RUNS, SETTINGS = "runs.csv", "settings.json"
UNSEEN = "unseen"
Value = str | int | float | bool
Sets = Mapping[str, Sequence[Example]]


@dataclass(frozen=True)
class Study:
    """Hold the micrographs of a study by set, decoded once, where its results lie, and the commands that made them."""

    out: Path
    settings: StudySettings
    data_name: str
    sets: Sets
    commands: tuple[str, ...] = ()

    @property
    def device_name(self) -> str:
        """Return the device that the runs compute on."""
        return choose_device(self.settings.training.device).type

    def weights(self, config: str) -> Path:
        """Return where the weights of a configuration's best seed lie."""
        return self.out / "weights" / f"{config}.safetensors"

    def best_model(self, config: str) -> LoadedModel:
        """Load the weights of a configuration's best seed onto the study's device."""
        model = load_model(self.weights(config))
        to_device(model.network, choose_device(self.settings.training.device))
        return model

    def answers(self, model: LoadedModel, name: str) -> Answers:
        """Return a model's answers to one set."""
        training = self.settings.training
        return answers_of(model.network, self.sets[name], training.batch, bf16=training.bf16)


def open_study(data: Path, out: Path, settings: StudySettings, unseen: Path | None, stage: Stage = no_stage) -> Study:
    """Read and split the micrographs of a study."""
    training = settings.training
    split = split_in_three(read_labels(data, training.um_per_px), training)
    others = read_labels(unseen, training.um_per_px) if unseen is not None else []
    named = {"training": split.training, "validation": split.validation, "test": split.test, UNSEEN: others}
    device = choose_device(training.device)
    sets = {
        name: load_examples(items, training.reference_um_per_px, device, label_maps=False, stage=stage)
        for name, items in named.items()
    }
    grades_present(sets["training"])
    return Study(out, settings, data.name, sets)


def epochs_begun_with(out: Path) -> int | None:
    """Return how many epochs the runs of the study in `out` have, None before its first."""
    path = out / SETTINGS
    if not path.is_file():
        return None
    try:
        return int(_known_settings(path)["epochs"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def claim(out: Path, settings: StudySettings, data: Path, unseen: Path | None, command: str) -> tuple[str, ...]:
    """Remember what the study is of; more seeds and configurations may be added later, by the commands returned.

    Raises `SettingsError` when `out` holds a study with other settings.
    """
    shared = {name: value for name, value in settings.training.record().items() if name != "device"}
    wanted = {**shared, "image_batch": settings.image_batch, "data": data.name}
    wanted["unseen"] = unseen.name if unseen is not None else ""
    wanted = json.loads(json.dumps(wanted))  # so that tuples compare with lists
    path = out / SETTINGS
    known = _known_settings(path) if path.is_file() else wanted
    other = [name for name, value in wanted.items() if known.get(name) != value]
    if other:
        raise SettingsError(f"{out} holds a study with another {other[0]}; choose another --out.")
    commands = tuple(dict.fromkeys([*known.get("commands", ()), command]))
    text = json.dumps({**wanted, "commands": commands}, indent=2)
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return commands


def _known_settings(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} of this study cannot be read: {in_plain_words(error)}. Choose another --out.")


def make_runs(study: Study, say: Say, stage: Stage) -> pd.DataFrame:
    """Make every run that `runs.csv` does not hold yet, all configurations of a seed before the next seed's."""
    configurations = chosen(study.settings.configs)
    rows = read_runs(study.out)
    done = {(row["config"], row["seed"]) for row in rows}
    wanted = [(one, seed) for seed in range(study.settings.seeds) for one in configurations]
    say(f"{len(wanted)} runs, {sum((one.name, seed) in done for one, seed in wanted)} of them done before.")
    left = [(one, seed) for one, seed in wanted if (one.name, seed) not in done]
    began = time.monotonic()
    for number, (one, seed) in enumerate(left, start=1):
        rows.append(make_run(study, one, seed, rows, say, stage))
        write_runs(study.out, rows)
        _tidy(study.out, one, seed)
        seconds = (time.monotonic() - began) / number * (len(left) - number)
        say(f"{number} of {len(left)} runs made{f', about {in_time(seconds)} left' if number < len(left) else ''}.")
    return pd.DataFrame(rows)


def make_again(study: Study, config: str, say: Say, stage: Stage) -> pd.DataFrame:
    """Make a configuration's best run again, whose weights are gone; its new row takes the old one's place."""
    rows = read_runs(study.out)
    own = [index for index, row in enumerate(rows) if row["config"] == config]
    best = min(own, key=lambda index: float(rows[index]["validation_loss"]))
    seed = int(rows[best]["seed"])
    say(f"The weights of {config} are gone; its seed {seed} is trained again for the figures.")
    (one,) = chosen([config])
    rows[best] = make_run(study, one, seed, (), say, stage)
    write_runs(study.out, rows)
    _tidy(study.out, one, seed)
    return pd.DataFrame(rows)


def read_runs(out: Path) -> list[dict[str, Value]]:
    """Return the rows of `runs.csv`, none before the first run."""
    path = out / RUNS
    if not path.is_file():
        return []
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values=["nan"])
        frame[["config", "seed", "validation_loss"]]
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(path, error) from error
    frame = frame.map(lambda value: live(value) if isinstance(value, str) else value)
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def write_runs(out: Path, rows: Sequence[Mapping[str, Value]]) -> None:
    """Write `runs.csv`, one row per run."""
    write_frame(pd.DataFrame(rows), out / RUNS, unknown="nan")


def make_run(
    study: Study, one: Configuration, seed: int, rows: Sequence[Mapping[str, Value]], say: Say, stage: Stage
) -> dict[str, Value]:
    """Train one network and measure it on every set; keep its weights if they are its configuration's best."""
    began = time.monotonic()
    settings = run_settings(one, study.settings, seed)
    path = _run_path(study.out, one, seed)
    card = new_card(study.sets["training"], settings, study.data_name, sum(map(len, study.sets.values())))
    decoded = Decoded(study.sets["training"], study.sets["validation"])
    title = f"{one.name}, seed {seed}"
    epochs = fit(card, decoded, path, settings, stage=stage, title=title, backbone_only=True)
    weights = unfinished_path(path)
    best = min(epochs, key=lambda epoch: epoch.validation_loss)
    known = [float(row["validation_loss"]) for row in rows if row["config"] == one.name]
    if best.validation_loss <= min(known, default=float("inf")):
        write_atomically(study.weights(one.name), lambda temporary: shutil.copyfile(weights, temporary))
    model = load_model(weights)
    to_device(model.network, choose_device(settings.device))
    row: dict[str, Value] = {"config": one.name, "seed": seed, **asdict(one), "init": _init_word(settings)}
    row |= {"epochs": len(epochs), "best_epoch": best.epoch, "validation_loss": round(best.validation_loss, 5)}
    with stage("measuring", 0):
        row |= _figures(study, model, card)
    row |= {"seconds": round(time.monotonic() - began, 1), "device": study.device_name, "gdest_version": __version__}
    say(f"{one.name}, seed {seed}: {row['seconds']} s, test MAE {row['test_mae']}")
    return row


def _figures(study: Study, model: LoadedModel, card: ModelCard) -> dict[str, Value]:
    figures: dict[str, Value] = {}
    for name, examples in study.sets.items():
        if not examples:
            continue
        found = study.answers(model, name)
        classes = sorted({*(card.classes or grades_of(found.truth)), *grades_of(found.truth)})
        for kind, truth, g in (("", found.truth, found.g), ("crop_", found.crop_truth, found.crop_g)):
            scores = score(truth, g, classes)
            for word, value in (("top1", scores.top1), ("within_half", scores.within_half), ("mae", scores.mae)):
                figures[f"{name}_{kind}{word}"] = round(value, 4)
    return figures


def _init_word(settings: TrainSettings) -> str:
    return settings.init if settings.init in ("none", "imagenet") else Path(settings.init).name


def _run_path(out: Path, one: Configuration, seed: int) -> Path:
    return out / "runs" / f"{one.name}-{seed}.safetensors"


def _tidy(out: Path, one: Configuration, seed: int) -> None:
    """Remove what a finished run no longer needs; its line per epoch stays."""
    path = _run_path(out, one, seed)
    for file in (unfinished_path(path), path.with_suffix(".png"), checkpoint_path(path)):
        file.unlink(missing_ok=True)
