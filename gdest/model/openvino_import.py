"""Import OpenVINO so that it tells nobody of its use."""

from __future__ import annotations

import sys
from typing import Any

TELEMETRY = "openvino_telemetry"
"""A package that OpenVINO's converter takes where it is installed: it looks up a host on the internet, and writes an
identity into the home folder. Without it the converter takes a stub of its own."""


def import_openvino() -> Any:
    """Return the package OpenVINO; its telemetry cannot be imported in this process from now on."""
    sys.modules.setdefault(TELEMETRY, None)  # type: ignore[arg-type]
    import openvino

    return openvino
