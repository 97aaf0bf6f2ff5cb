"""The smallest study that there is, and one that can be killed."""

from __future__ import annotations

from dataclasses import replace

from gdest.training.settings import TrainSettings
from gdest.training.study.schemes import StudySettings

TRAINING = TrainSettings(
    epochs=2, batch=6, crop_px=64, crops_per_micrograph=1, validation_share=0.17, test_share=0.34, device="cpu"
)
SETTINGS = StudySettings(
    TRAINING, 1, ("*-resnet18-fc-crop-rescale", "cls-resnet18-fc-image-plain", "cls-resnet18-fc-crop-plain")
)
KILLABLE = replace(SETTINGS, configs=("*-resnet18-fc-crop-rescale",))
