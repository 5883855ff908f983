"""How a job is cut into parts: an entry goes in, those parts come out that are not written yet.

The first start notes the parts beside what it writes, so that every further one continues the same work: what is there
is not done again, and nothing is done twice. It refuses an output that is of other work, or an input that has changed.
"""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from serve.errors import ConfigurationError
from serve.job import JobArgs, Work
from serve.parts import place
from serve.parts.part import Part
from serve.parts.place import Place
from serve.parts.rows import kind
from serve.quantity import in_bytes

NOTE = "_job.json"  # Readers of a folder of parquet leave out what begins so.


def all_and_missing(args: JobArgs) -> tuple[list[Part], list[Part]]:
    """All parts, and those that are not written."""
    output = place.folder(args.output)
    source, files = place.inputs(args.input)
    sizes = {file: source.size(file) for file in files}
    written = output.files()
    if NOTE not in written:
        parts = [part for file in files for part in _parts(source, file, sizes[file], in_bytes(args.part))]
        note = {"work": _work(args), "files": sizes, "parts": [[part.file, part.start, part.end] for part in parts]}
        output.write(NOTE, json.dumps(note).encode())
    note = json.loads(output.read(NOTE))
    _check(args, note, sizes)
    parts = [Part(*part) for part in note["parts"]]
    return parts, [part for part in parts if part.name not in written]


def _parts(source: Place, file: str, size: int, most: int) -> Iterator[Part]:
    """Of about `most` bytes; rows of a table count as much as their share of it."""
    length, step = size, most
    if kind(file) == ".parquet":
        with source.open(file) as opened, pq.ParquetFile(opened) as table:
            length = table.metadata.num_rows
        step = max(1, length * most // size)
    for start in range(0, length, step):
        yield Part(file, start, min(start + step, length))


def _work(args: JobArgs) -> dict[str, Any]:
    """What rows depend on."""
    return args.model_dump(mode="json", by_alias=True, include=set(Work.model_fields) - {"part", "output"})


def _check(args: JobArgs, note: dict[str, Any], sizes: dict[str, int]) -> None:
    work = _work(args)
    if differing := sorted(key for key in work if note["work"].get(key) != work[key]):
        raise ConfigurationError(
            f"jobs.{args.job}.output: {args.output} holds the rows of other work ({', '.join(differing)}); write to "
            f"another output, or remove {NOTE} there if its rows are as you want them"
        )
    if changed := sorted(file for file in note["files"].keys() | sizes if note["files"].get(file) != sizes.get(file)):
        raise ConfigurationError(
            f"jobs.{args.job}.input: {', '.join(changed[:3])} changed since {args.output} was begun; write to another "
            f"output, or bring the input back"
        )
