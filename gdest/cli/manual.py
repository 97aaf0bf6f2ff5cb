"""Show the manual: Markdown pages that travel with gdest, so that it is there without any network."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.resources import files
from typing import Annotated, Optional

import typer

from gdest.cli.help import HELP, Command, exits, footer
from gdest.cli.options import app
from gdest.cli.streams import ReaderGoneError
from gdest.core import ExitCode, SettingsError

EXAMPLES = ("gdest manual", "gdest manual pixel-size")


def topics_like(incomplete: str) -> list[str]:
    """Return the topics that a shell offers."""
    return [topic for topic in read_pages() if topic.startswith(incomplete)]


@app.command(cls=Command, context_settings=HELP, epilog=footer(EXAMPLES, exits(ExitCode.USAGE, done="shown")))
def manual(
    topic: Annotated[
        Optional[str],
        typer.Argument(
            metavar="TOPIC", help="Topic to show; without one, all topics are listed.", autocompletion=topics_like
        ),
    ] = None,
) -> None:
    """Show the manual: a list of its topics, or one of them."""
    pages = read_pages()
    if topic is not None and topic not in pages:
        raise SettingsError(f"There is no topic {topic!r} in the manual; there are {', '.join(pages)}.")
    with suppress(ReaderGoneError):  # who reads a manual has seen enough, as `head` has
        _show(table_of_contents(pages) if topic is None else pages[topic])
        sys.stdout.flush()


def read_pages() -> dict[str, str]:
    """Return the Markdown of every page by topic, sorted."""
    folder = files("gdest") / "manual"
    pages = {page.name.removesuffix(".md"): page.read_text("utf-8") for page in folder.iterdir()}
    return dict(sorted(pages.items()))


def table_of_contents(pages: dict[str, str]) -> str:
    """Return Markdown that names each topic with the first line below its title."""
    topics = (f"- `gdest manual {topic}`: {page.splitlines()[2]}" for topic, page in pages.items())
    return "\n".join(["# The manual of gdest", "", *topics]) + "\n"


def _show(markdown: str) -> None:
    """Print Markdown, drawn on a terminal and as it is elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.write(markdown)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(markdown))
