"""Write the tables of training, of evaluations and of the study as CSV that no spreadsheet executes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gdest.core import write_csv_lines


def write_frame(frame: pd.DataFrame, path: Path, *, index: bool = False, unknown: str | None = None) -> None:
    """Write a table, with its index first where that says something; NaN is empty, or `unknown`."""
    whole = frame.reset_index(names="") if index else frame
    lines = whole.astype(object).where(whole.notna(), unknown).itertuples(index=False, name=None)
    write_csv_lines(path, list(map(str, whole.columns)), lines)
