"""What became of one proxy mode: data that is compared and reported."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Output:
    """The beginning of what a program wrote, and how many bytes it wrote in all."""

    kept: bytes = b""
    length: int = 0

    @property
    def is_cut(self) -> bool:
        return self.length > len(self.kept)

    @property
    def text(self) -> str:
        return self.kept.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended. `exit_code` is 128 + N when signal N ended it, as in a shell."""

    exit_code: int
    duration_s: float
    stdout: Output
    stderr: Output


@dataclass(frozen=True, slots=True)
class Trial:
    """One mode: how the command ended there, or why it was not run."""

    mode: str
    finished: Finished | None = None
    problem: str = ""
