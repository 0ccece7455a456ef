"""A comparison for people and for programs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubehop.matrix.comparison import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubehop.matrix.comparison import Compared, Comparison
    from kubehop.matrix.trial import Finished, Output

COLUMNS = ("MODE", "EXIT CODE", "TIME", "RESULT")
_STDERR_LINES = 20


def rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """The table: a row for each mode, under COLUMNS."""
    return [_row(mode) for mode in comparison.modes]


def _row(mode: Compared) -> tuple[str, ...]:
    finished = mode.trial.finished
    if finished is None:
        return mode.trial.mode, "-", "-", mode.verdict.value
    time = f"{finished.duration_s:.1f} s"
    return mode.trial.mode, str(finished.exit_code), time, mode.verdict.value


def details(comparison: Comparison) -> Iterator[str]:
    """The lines below the table: why a mode has not run, how its output differs, and the end.

    Where all is well under several modes there is the end alone.
    """
    for mode in comparison.modes:
        if mode.trial.problem:
            yield f"\n{mode.trial.mode}: {mode.trial.problem}"
        if mode.diff:
            yield ""
            yield from mode.diff
        if not comparison.agree:
            yield from _failure(mode)
    if comparison.agree and (len(comparison.modes) == 1 or not comparison.succeeded):
        yield from _written(comparison.modes[0])
        yield from _failure(comparison.modes[0])
    yield f"\n{conclusion(comparison)}"


def _written(mode: Compared) -> Iterator[str]:
    finished = mode.trial.finished
    if finished is not None and finished.stdout.length:
        yield ""
        yield from finished.stdout.text.splitlines()


def _failure(mode: Compared) -> Iterator[str]:
    """The exit code of a command that failed, and its last words."""
    finished = mode.trial.finished
    if finished is None or finished.exit_code == 0:
        return
    yield f"\n{mode.trial.mode}: exit code {finished.exit_code}"
    yield from (f"  {line}" for line in finished.stderr.text.splitlines()[-_STDERR_LINES:])


def conclusion(comparison: Comparison) -> str:
    """The whole in one line."""
    first, odd, not_run = (
        [mode.trial.mode for mode in comparison.modes if mode.verdict is verdict]
        for verdict in (Verdict.FIRST, Verdict.DIFFERS, Verdict.NOT_RUN)
    )
    sentences = []
    if odd:
        sentences.append(f"{_list(odd)} differ{'s' if len(odd) == 1 else ''} from {first[0]}.")
    if not_run:
        sentences.append(f"The command was not run under {_list(not_run)}.")
    if comparison.agree:
        names = _list([mode.trial.mode for mode in comparison.modes])
        ended = "succeeded" if comparison.succeeded else "failed"
        alike = "alike " if len(comparison.modes) > 1 else ""
        sentences.append(f"The command {ended} {alike}under {names}.")
    return " ".join(sentences)


def _list(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def as_json(comparison: Comparison, command: Sequence[str]) -> dict[str, Any]:
    """The same for programs; times in seconds."""
    return {
        "agree": comparison.agree,
        "succeeded": comparison.succeeded,
        "command": list(command),
        "modes": [_mode_json(mode) for mode in comparison.modes],
    }


def _mode_json(mode: Compared) -> dict[str, Any]:
    finished = mode.trial.finished
    return {
        "mode": mode.trial.mode,
        "verdict": mode.verdict.value,
        "problem": mode.trial.problem or None,
        **(_finished_json(finished) if finished else {}),
        "diff": list(mode.diff),
    }


def _finished_json(finished: Finished) -> dict[str, Any]:
    return {
        "exitCode": finished.exit_code,
        "durationSeconds": round(finished.duration_s, 3),
        "stdout": _output_json(finished.stdout),
        "stderr": _output_json(finished.stderr),
    }


def _output_json(output: Output) -> dict[str, Any]:
    return {"text": output.text, "bytes": output.length, "cut": output.is_cut}
