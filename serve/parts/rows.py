"""The rows of an input: a part of a file goes in, each row that begins in it comes out, with a name of its own.

A part of lines is a range of bytes, and a line belongs to the part in which it begins; a part of a table is a range of
rows. So parts can be told from the size alone, and no row is in two of them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serve.errors import ConfigurationError
from serve.job import JobArgs
from serve.parts.part import Part
from serve.parts.place import Place


@dataclass(frozen=True)
class Row:
    """One row: what the column holds, or why there is nothing in it."""

    id: str
    value: Any
    error: str | None = None


Reader = Callable[[Place, Part, JobArgs], Iterator[Row]]


def rows(place: Place, part: Part, args: JobArgs) -> list[Row]:
    """Those of `part`, in their order."""
    return list(READERS[kind(part.file)](place, part, args))


def kind(file: str) -> str:
    """The suffix by which a file is read."""
    suffix = PurePosixPath(file).suffix
    if suffix not in READERS:
        raise ConfigurationError(f"input: {file} is none of {', '.join(READERS)}; name the others by a pattern")
    return suffix


def _lines(place: Place, part: Part) -> Iterator[tuple[str, bytes]]:
    """Lines that are not blank, by their names."""
    with place.open(part.file) as file:
        file.seek(max(0, part.start - 1))
        if part.start:
            file.readline()  # The rest of a line that began before, or only its end.
        while (begin := file.tell()) < part.end:
            if line := file.readline().strip(b"\r\n"):
                yield f"{part.file}:{begin}", line


def _texts(place: Place, part: Part, args: JobArgs) -> Iterator[Row]:
    for name, line in _lines(place, part):
        try:
            yield Row(name, line.decode())
        except UnicodeDecodeError as error:
            yield Row(name, None, f"is no UTF-8: {error}")


def _objects(place: Place, part: Part, args: JobArgs) -> Iterator[Row]:
    for name, line in _lines(place, part):
        try:
            found = json.loads(line)
        except ValueError as error:
            yield Row(name, None, f"is no JSON: {error}")
            continue
        if not isinstance(found, dict) or args.column not in found:
            yield Row(name, None, f"has no {args.column!r}")
            continue
        yield Row(name if args.id is None else str(found.get(args.id, name)), found[args.column])


def _table(place: Place, part: Part, args: JobArgs) -> Iterator[Row]:
    with place.open(part.file) as file, pq.ParquetFile(file) as table:
        first = 0
        for index in range(table.num_row_groups):
            end = first + table.metadata.row_group(index).num_rows
            overlap = range(max(first, part.start), min(end, part.end))
            if overlap:
                group = _group(place, part.file, index, args.column, args.id)
                yield from _rows_of(group.slice(overlap.start - first, len(overlap)), part.file, overlap, args)
            first = end


@lru_cache(maxsize=2)  # Parts come in their order, and several are of one group.
def _group(place: Place, file: str, index: int, column: str, id: str | None) -> pa.Table:
    with place.open(file) as opened, pq.ParquetFile(opened) as table:
        wanted = [name for name in (column, id) if name is not None]
        if missing := set(wanted) - set(table.schema_arrow.names):
            raise ConfigurationError(f"input: {file} has no column {', '.join(sorted(missing))}")
        return table.read_row_group(index, wanted)


def _rows_of(table: pa.Table, file: str, places: range, args: JobArgs) -> Iterator[Row]:
    names = [None] * len(places) if args.id is None else table[args.id].to_pylist()
    for number, name, value in zip(places, names, table[args.column].to_pylist(), strict=True):
        yield Row(f"{file}:{number}" if name is None else str(name), value)


READERS = MappingProxyType({".jsonl": _objects, ".txt": _texts, ".parquet": _table})
