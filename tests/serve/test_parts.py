"""How input is cut: whatever the size of a part, each row is in one of them, and the output knows which are written."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serve import parts
from serve.errors import ConfigurationError
from serve.job import JobArgs
from serve.parts import place
from serve.parts.rows import rows
from tests.serve.references import PLACE

TEXTS = ["a", "b" * 50, "äöü 漢字 🙂", "with, punctuation; and \"quotes\"", "e", "last"]  # fmt: skip


def args(folder: Path, **changes: Any) -> JobArgs:
    entry = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "job": "corpus", "placement": PLACE,
             "input": str(folder / "in"), "output": str(folder / "out"), "part": "16"}  # fmt: skip
    return JobArgs.model_validate(entry | changes)


def write(folder: Path, suffix: str) -> Path:
    """TEXTS as a file of this kind."""
    (folder / "in").mkdir(exist_ok=True)
    file = folder / "in" / f"texts{suffix}"
    if suffix == ".parquet":
        table = pa.table({"text": TEXTS, "name": [f"row {number}" for number in range(len(TEXTS))]})
        pq.write_table(table, file, row_group_size=4)
    else:
        lines = TEXTS if suffix == ".txt" else [json.dumps({"text": text, "name": text[:1]}) for text in TEXTS]
        file.write_bytes("\n".join(lines).encode())  # The last line has no end.
    return file


def read(job: JobArgs) -> list[Any]:
    source, _ = place.inputs(job.input)
    every, _ = parts.all_and_missing(job)
    return [row for part in every for row in rows(source, part, job)]


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".parquet"])
@pytest.mark.parametrize("part", ["1", "16", "700", "1Mi"])
def test_each_row_is_in_one_part(tmp_path: Path, suffix: str, part: str) -> None:
    write(tmp_path, suffix)
    found = read(args(tmp_path, part=part))
    assert [row.value for row in found] == TEXTS
    assert len({row.id for row in found}) == len(TEXTS)


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".parquet"])
def test_a_row_has_the_same_name_in_whatever_part_it_is(tmp_path: Path, suffix: str) -> None:
    write(tmp_path, suffix)
    fine, whole = (read(args(tmp_path, part=part, output=str(tmp_path / part))) for part in ("3", "1Mi"))
    assert fine == whole


def test_a_column_may_name_the_rows(tmp_path: Path) -> None:
    write(tmp_path, ".parquet")
    assert [row.id for row in read(args(tmp_path, id="name"))] == [f"row {number}" for number in range(len(TEXTS))]


def test_lines_that_are_no_rows_say_so_and_blank_ones_are_left_out(tmp_path: Path) -> None:
    lines = [b'{"text": "good"}', b"", b"{", b'{"other": 1}', b"3", b'"\xff"', b'{"text": "good too"}']
    (tmp_path / "in.jsonl").write_bytes(b"\r\n".join(lines))
    found = read(args(tmp_path, input=str(tmp_path / "in.jsonl")))
    assert [row.value for row in found] == ["good", None, None, None, None, "good too"]
    errors = [row.error or "" for row in found]
    assert [error[:10] for error in errors] == ["", "is no JSON", "has no 'te", "has no 'te", "is no JSON", ""]


def test_a_folder_a_pattern_and_a_file_name_inputs(tmp_path: Path) -> None:
    for name in ("a/one.txt", "a/b/two.txt", "a/three.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text\n")
    named = {"a": ["b/two.txt", "one.txt", "three.jsonl"], "a/**/*.txt": ["b/two.txt", "one.txt"],
             "a/one.txt": ["one.txt"]}  # fmt: skip
    assert {url: place.inputs(str(tmp_path / url))[1] for url in named} == named


def test_what_is_written_is_missing_no_more(tmp_path: Path) -> None:
    write(tmp_path, ".txt")
    every, missing = parts.all_and_missing(args(tmp_path))
    assert every == missing
    place.folder(str(tmp_path / "out")).write(every[1].name, b"")
    assert parts.all_and_missing(args(tmp_path)) == (every, every[:1] + every[2:])


def test_what_was_begun_in_parts_of_one_size_is_continued_in_them(tmp_path: Path) -> None:
    write(tmp_path, ".txt")
    assert parts.all_and_missing(args(tmp_path)) == parts.all_and_missing(args(tmp_path, part="1Mi"))


def test_a_file_that_a_break_left_half_written_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = place.folder(str(tmp_path / "out"))
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError("the node went down")))
    with pytest.raises(OSError, match="the node went down"):
        output.write("part.parquet", b"half")
    assert list((tmp_path / "out").iterdir())
    assert output.files() == set()


def test_objects_in_a_store_are_inputs_and_outputs_too() -> None:
    job = args(Path("/"), input="memory://store/in", output="memory://store/out")
    place.folder(job.input).write("texts.txt", b"one\ntwo\n")
    assert [row.value for row in read(job)] == ["one", "two"]
    assert place.folder(job.output).files() == {parts.NOTE}


REFUSED = [
    ({"source": {"path": "/other"}, "column": "body"},
     "jobs.corpus.output: {out} holds the rows of other work (column, source); write to another output, or remove "
     "_job.json there if its rows are as you want them"),
    ({"input": "{in}/texts.tx"}, "input: there is no file at {in}/texts.tx; check it, and that the pods may read it"),
    ({"input": "s4://bucket"}, "s4://bucket: Protocol not known: s4; write a path, s3:// or gs://"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_cannot_be_continued_or_read_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write(tmp_path, ".txt")
    parts.all_and_missing(args(tmp_path))

    def named(text: Any) -> Any:
        places = {"{in}": str(tmp_path / "in"), "{out}": str(tmp_path / "out")}
        for sign, path in places.items():
            text = text.replace(sign, path) if isinstance(text, str) else text
        return text

    with pytest.raises(ConfigurationError) as refused:
        parts.all_and_missing(args(tmp_path, **{key: named(value) for key, value in changes.items()}))
    assert refused.value.message == named(message)


def test_an_input_that_has_changed_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, ".txt")
    parts.all_and_missing(args(tmp_path))
    file.write_text("something else")
    with pytest.raises(ConfigurationError, match=r"jobs\.corpus\.input: texts\.txt changed since"):
        parts.all_and_missing(args(tmp_path))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\n")
    with pytest.raises(ConfigurationError, match=r"in\.csv is none of \.jsonl, \.txt, \.parquet"):
        parts.all_and_missing(args(tmp_path, input=str(tmp_path / "in.csv")))
