"""Student's t, by which E112 tells how far a mean can be trusted."""

from __future__ import annotations


def student_t(count: float, coverage: float = 0.95) -> float:
    """Return the two-sided point of Student's t for a sample of `count` (2.776 for 5 at 95 %).

    `scipy.stats` says the same, and takes half a second to be imported.
    """
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, 0.5 + coverage / 2.0))
