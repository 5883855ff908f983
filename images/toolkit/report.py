"""All that is printed but JSON: steps with their output, a tick and seconds; the table at the end."""

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from images.toolkit.errors import ImageError, Stopped

WIDTH = 120
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Step:
    """What one step says: kept for its error message, and shown if there is a console."""

    def __init__(self, console: Console | None = None) -> None:
        self.lines: list[str] = []
        self._console = console
        self._begun = ""

    def write(self, text: str) -> None:
        """Takes text as it comes; of a line that was drawn anew (a progress bar) the last state counts."""
        *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            self._line(line)

    def end(self) -> None:
        if self._begun:
            self._line(self._begun)
            self._begun = ""

    def _line(self, line: str) -> None:
        shown = CONTROL.sub("", line).rstrip().rpartition("\r")[2]
        if shown:
            self.lines.append(shown)
            if self._console:
                self._console.print(Text(f"  {shown}", style="dim"), soft_wrap=True)


class Report:
    """Where the steps are told, and how long they took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.folded = "GITHUB_ACTIONS" in os.environ

    def say(self, line: str, style: str = "") -> None:
        self.console.print(Text(line, style=style), soft_wrap=True)

    @contextmanager
    def step(self, image: str, title: str) -> Iterator[Step]:
        """A step of an image; an error that is raised in it learns where it was."""
        begun = time.monotonic()
        step = Step(self.console)
        self.say(f"::group::{image}: {title}" if self.folded else f"{image}: {title}", "bold")
        try:
            yield step
        except ImageError as error:
            error.image, error.step = error.image or image, error.step or title
            self._end(step, begun, "✗", "red")
            raise
        except Stopped:
            self._end(step, begun, "stopped", "red")
            raise
        self._end(step, begun, "✓", "green")

    def _end(self, step: Step, begun: float, mark: str, style: str) -> None:
        step.end()
        if self.folded:
            self.say("::endgroup::")
        self.console.print(f"[{style}]{mark}[/] {time.monotonic() - begun:.1f}s", justify="right", highlight=False)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for column in columns:
            table.add_column(column, overflow="fold", justify="right" if column in ("size", "seconds") else "left")
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        self.console.print(table)


def console(stderr: bool) -> Console:
    """A terminal's own width; what nobody looks at (a log, a pipe) is not cut to eighty columns."""
    made = Console(stderr=stderr)
    return made if made.is_terminal else Console(stderr=stderr, width=WIDTH)


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"


def short(digest: str) -> str:
    """As much of a digest as a person compares."""
    return digest[: len("sha256:") + 12]
