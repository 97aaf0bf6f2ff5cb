"""Name the coarsest and the finest G of a field in words, and move them as G moves."""

from __future__ import annotations

from collections.abc import Callable


def span_words(span: tuple[float, ...], *, seen: bool) -> str:
    """Return how words name the coarsest and the finest G, `seen` where the pixel size is not in them yet."""
    coarsest, finest = span
    return f"from {coarsest:.1f} to {finest:.1f} G{' as seen' if seen else ''}"


def words_at_pixel_size(
    words: str, span: tuple[float, ...], moved: Callable[[float], float], *, seen: bool = True
) -> str:
    """Return words with the G that they name, if they do, moved from what was seen to the micrograph's pixel size.

    Words that name G at its pixel size already, not `seen`, are moved on.
    """
    if not span:
        return words
    return words.replace(span_words(span, seen=seen), span_words(tuple(map(moved, span)), seen=False))
