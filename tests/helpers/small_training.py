"""The smallest training that there is."""

from __future__ import annotations

from gdest.training.settings import TrainSettings

QUICK = TrainSettings(
    epochs=2, batch=8, crop_px=64, crops_per_micrograph=2, validation_share=0.2, device="cpu", average=0.5,
    unfit_pictures=2,
)  # fmt: skip
