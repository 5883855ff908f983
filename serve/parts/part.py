"""A piece of the work: as much of one input file as is written at once, under a name that says which it is."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Part:
    """The rows that begin in [start, end) of a file: bytes of lines, or rows of a table."""

    file: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """Of what it becomes, below the output."""
        return f"{self.file}/{self.start:015d}-{self.end:015d}.parquet"
