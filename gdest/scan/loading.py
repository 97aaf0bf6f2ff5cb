"""Load the network: in the scan's own process, in a worker, or on another machine."""

from __future__ import annotations

from pathlib import Path

from gdest.core import GradeSettings, SettingsError
from gdest.grading import Predictor
from gdest.model import EngineChoice


def load_predictor(
    weights: Path, settings: GradeSettings, engine: EngineChoice, workers: int = 1, number: int = 0
) -> Predictor:
    """Return the network on the engine of the recipe; the worker with this number takes its part of the machine first.

    Raises `SettingsError` for a GPU that does not take so many. PyTorch is imported here, since a scan of nothing new
    needs none.
    """
    from gdest.model import NetworkPredictor, leave_cores_to_openvino, load_model, take_part

    try:
        if workers > 1:
            settings = take_part(settings, engine, number, workers)
        predictor = NetworkPredictor(load_model(weights), settings, engine=engine)
    except RuntimeError as error:  # its memory is full, or it is set to take one process only
        if workers == 1 or engine.device == "cpu":
            raise
        why = str(error).partition("\n")[0]
        raise SettingsError(f"A worker cannot use the GPU ({why}); give fewer --workers, or 1.") from error
    if predictor.runs_openvino:
        leave_cores_to_openvino()
    return predictor
