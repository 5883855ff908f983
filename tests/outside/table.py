"""The table of ports in docs/security.md: lines go in, what each port answers to an outsider comes out."""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.outside.asking import PATHS, Said

DOCS = Path(__file__).parents[2] / "docs" / "security.md"
PAGE = (Path(__file__).parents[2] / "serve" / "page" / "index.html").read_bytes().decode("latin-1")
HEAD = "| port | "


@dataclass(frozen=True)
class Row:
    """Of the table."""

    answers: frozenset[str] = frozenset()
    """Paths, or methods of gRPC."""
    naming: frozenset[str] = frozenset()
    """Those that name models."""
    loopback: bool = True
    """Whether `ai-inference up` has it for this machine alone."""

    def __or__(self, other: "Row") -> "Row":
        return Row(self.answers | other.answers, self.naming | other.naming, self.loopback and other.loopback)

    def facts(self) -> set[str]:
        said = {f"{path} answers" for path in self.answers} | {f"{path} names models" for path in self.naming}
        return {*said, "at loopback" if self.loopback else "everywhere"}


def row(said: Said, models: Iterable[str], *, loopback: bool) -> Row:
    """What a port that serves these models has said; the page has words of its own, whatever the models are called."""
    bodies = said.answers.items()
    naming = {path for path, body in bodies if body != PAGE and any(model in body for model in models)}
    if set(said.answers) == set(PATHS):
        return Row(frozenset({"any path"}), frozenset({"any path"} if naming else ()), loopback)
    return Row(frozenset(said.answers), frozenset(naming), loopback)


def documented() -> dict[str, Row]:
    """The table's rows by port."""
    lines = itertools.dropwhile(lambda line: not line.startswith(HEAD), DOCS.read_text().splitlines())
    rows = [line.strip("| ").split(" | ") for line in itertools.takewhile(lambda line: line.startswith("|"), lines)]
    return {port: _said(answers, at) for port, _, _, answers, at, _ in rows[2:]}


def _said(answers: str, at: str) -> Row:
    plain, _, naming = answers.partition("names of models:")
    every, named = (frozenset(re.findall("`([^`]+)`", part)) for part in (plain, naming))
    return Row(every | named, named, at == "loopback")


def beyond(some: Mapping[str, Row], others: Mapping[str, Row]) -> dict[str, list[str]]:
    """By port, what only the first say."""
    more = {port: row.facts() - others[port].facts() if port in others else row.facts() for port, row in some.items()}
    return {port: sorted(facts) for port, facts in more.items() if facts}
