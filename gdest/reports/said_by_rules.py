"""Hold what the rules of a gdest.toml say of a run, as reports tell it and `run.json` keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Acceptance:
    """Hold what limits say of a run: a sentence on what each applied to, verdicts by kind, and what fails.

    `verdicts` counts each `Verdict` of micrographs and of specimens; `failing` has a sentence for each of the first
    that fail, specimens before micrographs, and `failures` is how many do. `unassigned` is the number of micrographs
    that the rule for specimens does not cover, 0 without a rule.
    """

    limits: tuple[str, ...] = ()
    verdicts: Mapping[str, Counter[str]] = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    failures: int = 0
    unassigned: int = 0

    def as_content(self) -> dict[str, Any]:
        """Return what `run.json` holds of it."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_content(cls, content: Any) -> Acceptance | None:
        """Return what `as_content` returned, None for what is none, as in a record of an earlier gdest."""
        try:
            limits, failing = (tuple(map(str, content[name])) for name in ("limits", "failing"))
            verdicts = {str(kind): Counter(counts) for kind, counts in content["verdicts"].items()}
            return cls(limits, verdicts, failing, int(content["failures"]), int(content["unassigned"]))
        except (LookupError, TypeError, ValueError, AttributeError):
            return None
