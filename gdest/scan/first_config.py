"""Write a first gdest.toml from what an archive shows: to be corrected by a person, and accepted as it is."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from glob import escape
from pathlib import Path

from gdest.core import SettingsError, how_many, now, printable, require, require_writable, write_atomically
from gdest.scan.specimen_ideas import CONVINCING, specimen_ideas
from gdest.scan.survey import UNKNOWN, Magnified, Survey, each

MOST_FOLDERS, MOST_SIZES, MOST_PROBLEMS, MOST_BARE = 20, 6, 5, 4
LIMITS = """
# Limits give verdicts; without the # they hold. Others: gdest manual limits.
# [[limit]]
# rule = "g >= 5.0"
# on = "specimen"
#
# [[limit]]
# rule = "homogeneity"
""".splitlines()
CERTIFICATE = """
# What a certificate says beside the results. Every key: gdest manual certificate.
# [certificate]
# laboratory = ""
# etchant = ""
# operator = ""
""".splitlines()


def require_new(roots: Sequence[Path], out: Path, *, force: bool) -> None:
    """Raise unless a gdest.toml can be written: not over another without `force`, and never into the archive."""
    for root in roots:
        require(root.exists(), f"{root} cannot be found; is the archive connected?")
        if not root.is_dir():
            raise SettingsError(f"{root} is not a folder.")
        if out.resolve().is_relative_to(root.resolve()):
            raise SettingsError(f"gdest never writes into the archive {root}; choose another --out.")
    if out.is_symlink() or (out.exists() and not force):
        raise SettingsError(f"{out} is there already; give another --out, or --force to write over it.")
    require_writable(out)


def write_first_config(seen: Survey, roots: Sequence[Path], out: Path) -> None:
    """Write what `first_config` returns; raise `OutputError`."""
    text = first_config(seen, roots, out)
    write_atomically(out, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def first_config(seen: Survey, roots: Sequence[Path], out: Path) -> str:
    """Return the text of a gdest.toml: what was seen in comments, and rules.

    Specimens are a rule where the names tell them; whatever moves G is a comment until a person has looked at it.
    """
    lines = [*_head(seen, roots, out), *_specimens(seen), *_pixel_sizes(seen), *_objectives(seen), *_bare(seen)]
    return "\n".join(printable(line) for line in [*lines, *LIMITS, *CERTIFICATE]) + "\n"


def _head(seen: Survey, roots: Sequence[Path], out: Path) -> Iterator[str]:
    folders = " ".join(shlex.quote(str(root)) for root in roots)
    opened = "all were opened" if seen.opened == len(seen.names) else f"an even sample of {seen.opened} was opened"
    yield f"# Rules of {folders}, suggested by gdest init on {now()[:10]}. Correct them, then look at what they do:"
    yield f"#   gdest scan {folders} --out results --config {shlex.quote(str(out))} --dry-run"
    yield "# Every key: gdest manual gdest-toml."
    yield "#"
    endings = ", ".join(f"{count} {ending}" for ending, count in seen.endings.most_common())
    images, holding = how_many(len(seen.names), "image file"), how_many(len(seen.folders), "folder")
    yield f"# {images} ({endings}) in {holding}; {opened}."
    if len(seen.folders) > 1:
        for line in each(seen.folders, lambda name, count: f"{name or '(the root)'}/: {count}", MOST_FOLDERS):
            yield f"#   {line}"
    for problem in seen.problems[:MOST_PROBLEMS]:
        yield f"# cannot be read: {problem}"
    if len(seen.problems) > MOST_PROBLEMS:
        yield f"# ... and {len(seen.problems) - MOST_PROBLEMS} more"


def _specimens(seen: Survey) -> Iterator[str]:
    yield ""
    ideas = specimen_ideas(seen.names)
    if not ideas:
        yield "# The names do not tell which files show one specimen. A table can: columns file,specimen[,heat,...]"
        yield "# [specimen]"
        yield '# csv = "specimens.csv"'
        return
    sure = ideas[0].share >= CONVINCING
    yield f"# Files of one specimen: {'so it looks' if sure else 'nothing fits most names; perhaps one of these'}."
    for number, idea in enumerate(ideas):
        mark = "" if sure and number == 0 else "# "
        if number == 0:
            yield f"{mark}[specimen]"
        yield f"# By {idea.words}: {how_many(idea.specimens, 'specimen')}, {idea.covered} of {len(seen.names)} files,"
        yield f"# such as {', '.join(idea.examples)}."
        yield f"{mark}{idea.line}"


def _pixel_sizes(seen: Survey) -> Iterator[str]:
    yield ""
    yield f"# Pixel sizes that the {sum(seen.sources.values())} files which could be read state themselves:"
    for source, count in seen.sources.most_common():
        sizes = sorted(seen.sizes.get(source, ()), key=float)
        shown = ", ".join(sizes[:MOST_SIZES]) + (", ..." if len(sizes) > MOST_SIZES else "")
        yield f"#   {count} {source}{f': {shown} um/px' if sizes else ''}"
    if not seen.sources[UNKNOWN]:
        return
    yield "# A file without a pixel size gets no G. State it: by folder here, by magnification below, or by a scale"
    yield "# bar in the picture (gdest scan --read-scale-bar). It must be measured; gdest does not guess it."
    silent = sorted(seen.silent.items(), key=lambda one: -len(one[1]))
    for folder, names in silent[:MOST_BARE]:
        yield "#"
        yield f"# {folder or 'the root'}: {_files(len(names))} of those opened."
        below = f"{folder}/" if folder else ""
        if not any(name.startswith(below) for name in seen.told):
            yield from _pixel_size(f"{below}*")
            continue
        yield "# Other files there tell their size, which a rule for the folder would replace; so each has its own."
        for name in names[:MOST_BARE]:
            yield from _pixel_size(escape(name))
        if len(names) > MOST_BARE:
            yield f"# ... and {len(names) - MOST_BARE} more, for which a glob that fits no other file is shorter."
    if rest := silent[MOST_BARE:]:
        yield "#"
        yield f"# No rule is suggested here for {how_many(len(rest), 'more folder')} of such files; write one for each:"
        counts = Counter({folder: len(names) for folder, names in rest})
        for line in each(counts, lambda name, count: f"{f'{name}/' if name else 'the root'}: {count}", MOST_FOLDERS):
            yield f"#   {line}"


def _pixel_size(glob: str) -> Iterator[str]:
    yield "# [[pixel_size]]"
    yield f"# glob = {json.dumps(glob, ensure_ascii=False)}"
    yield "# um_per_px = 0.0               # fill in"


def _objectives(seen: Survey) -> Iterator[str]:
    if seen.by_tag:
        told = ", ".join(f"{number:g}x in {_files(count)}" for number, count in seen.by_tag.most_common(MOST_SIZES))
        yield ""
        yield f"# Tags mention magnifications: {told}."
        yield "# gdest takes no pixel size from them: state the sizes, or put the magnification into the names."
    if not seen.by_name:
        return
    yield ""
    yield "# Names state magnifications. What pixel size each makes is measured with a stage micrometer; with two"
    yield "# microscopes give each a glob."
    for number in sorted(seen.by_name):
        yield from _objective(number, seen.by_name[number])


def _objective(number: float, known: Magnified) -> Iterator[str]:
    said = _sizes_said(known)
    yield "#"
    yield f"# {_files(known.files)}, such as {known.example}."
    if said:
        yield f"# Of {sum(known.sizes.values())} opened: {', '.join(f'{count} say {size}' for size, count in said)}."
    um = said[0][0].split(" ")[0] if len(said) == 1 else "0.0"
    yield "# [[objective]]"
    yield f'# name = "{number:g}x"'
    hint = "as the files say; check it" if len(said) == 1 else "fill in"
    yield f"# um_per_px = {um:<18}# {hint}"
    yield '# calibrated = 2026-01-31       # date, and certificate = "..." if there is one'


def _bare(seen: Survey) -> Iterator[str]:
    if not seen.bare:
        return
    yield ""
    yield "# These numbers in names may be magnifications; gdest reads them only where they are written 200x, x200 or"
    yield "# 200:1. Where they are, state the pixel size by a glob."
    for number in sorted(seen.bare):
        names = seen.bare[number]
        yield f"# {number}: {_files(len(names))}, such as {names[0]}"


def _files(count: int) -> str:
    return how_many(count, "file")


def _sizes_said(known: Magnified) -> list[tuple[str, int]]:
    """Return the sizes that files of a magnification say, the most frequent first."""
    return [(size, count) for size, count in known.sizes.most_common() if size]
