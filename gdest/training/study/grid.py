"""Name the configurations that the paper compares (Fig. 4, Fig. 5, Table I)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path

from gdest.core import HEADS, INPUTS, Backbone, Head, NetworkInput, SettingsError, Task
from gdest.model import read_model_file
from gdest.training.settings import TrainSettings, initial_weights
from gdest.training.study.schemes import PRESETS, StudySettings

TASK_WORDS: dict[Task, str] = {"classification": "cls", "regression": "reg"}
"""How the name of a configuration begins."""

COMPARED: tuple[Backbone, ...] = ("resnet18", "alexnet")


@dataclass(frozen=True)
class Configuration:
    """Say what one box of a figure trains; `preset` is empty, or names the scheme that the paper compares with."""

    task: Task
    backbone: Backbone
    head: Head
    input: NetworkInput
    rescale: bool
    preset: str = ""

    @property
    def name(self) -> str:
        """Return the name used in tables and on the command line, such as cls-resnet18-fc-crop-rescale."""
        rescale = "rescale" if self.rescale else "plain"
        return f"{TASK_WORDS[self.task]}-{self.preset or self.backbone}-{self.head}-{self.input}-{rescale}"


def all_configurations() -> list[Configuration]:
    """Return everything the paper compares.

    ResNet18 and AlexNet in all ways, and the scheme of Azimi et al. with and without rescaling. AlexNet's
    classifiers are in the paper's text (never above 60 %) and not in its Fig. 4.
    """
    found = [
        Configuration(task, backbone, head, shown, rescale)
        for task, backbone, head, shown, rescale in product(TASK_WORDS, COMPARED, HEADS, INPUTS, (True, False))
    ]
    azimi = [Configuration("classification", "vgg16", "fc", "crop", rescale, "azimi") for rescale in (True, False)]
    return [*found, *azimi]


def chosen(patterns: Sequence[str]) -> list[Configuration]:
    """Return the configurations whose name one of the patterns matches (* and ?), in the grid's order.

    Raises `SettingsError` for a pattern that matches none.
    """
    known = all_configurations()
    for pattern in patterns:
        if not any(fnmatchcase(one.name, pattern) for one in known):
            raise SettingsError(f"--configs {pattern} matches none of: {', '.join(one.name for one in known)}.")
    return [one for one in known if any(fnmatchcase(one.name, pattern) for pattern in patterns)]


def run_settings(one: Configuration, study: StudySettings, seed: int) -> TrainSettings:
    """Return the settings of one run; initial weights of another backbone are left out."""
    shared = study.training
    scheme = {name: PRESETS[one.preset][name] for name in ("optimizer", "learning_rate")} if one.preset else {}
    return replace(
        shared,
        task=one.task,
        backbone=one.backbone,
        head=one.head,
        input=one.input,
        rescale=one.rescale,
        seed=seed,
        batch=study.image_batch if one.input == "image" else shared.batch,
        init=_init_for(shared.init, one.backbone),
        **scheme,
    )


def _init_for(init: str, backbone: str) -> str:
    if init in ("none", "imagenet"):
        return init
    return init if read_model_file(Path(initial_weights(init))).card.backbone == backbone else "none"
