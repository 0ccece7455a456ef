"""What the environment asks `make bench` for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from netcore.model.errors import KubehopError

DEFAULT_ROUNDS = 3
DEFAULT_SECONDS = 5
_HERE = Path(__file__).parent
DEFAULT_OUT = _HERE / "results" / "bench.json"
DEFAULT_PLOT = _HERE.parent / "docs" / "benchmarks.svg"


class BadSetting(KubehopError):
    """A BENCH_ variable has a value that means nothing; the message names both."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How long, how often, what of it, and where it is written."""

    rounds: int = DEFAULT_ROUNDS
    seconds: int = DEFAULT_SECONDS
    """How long each probe of traffic runs."""
    only: frozenset[str] = frozenset()
    """Names of rows or groups; empty: everything."""
    out: Path = DEFAULT_OUT
    plot: Path | None = DEFAULT_PLOT
    """None: no plot. A part of the rows is not drawn unless BENCH_PLOT says where."""

    def wants(self, *names: str) -> bool:
        """Whether any of these rows or groups is asked for."""
        return not self.only or not self.only.isdisjoint(names)


def read_settings(environment: Mapping[str, str], known: Collection[str]) -> Settings:
    """From BENCH_ROUNDS, BENCH_SECONDS, BENCH_ONLY, BENCH_OUT, BENCH_PLOT. Raises BadSetting."""
    only = frozenset(filter(None, environment.get("BENCH_ONLY", "").replace(" ", "").split(",")))
    if unknown := only - set(known):
        raise BadSetting(f"BENCH_ONLY: no row {min(unknown)!r}; rows: {', '.join(known)}")
    plot = environment.get("BENCH_PLOT")
    return Settings(
        rounds=_positive(environment, "BENCH_ROUNDS", DEFAULT_ROUNDS),
        seconds=_positive(environment, "BENCH_SECONDS", DEFAULT_SECONDS),
        only=only,
        out=Path(environment.get("BENCH_OUT") or DEFAULT_OUT),
        plot=Path(plot) if plot else None if only else DEFAULT_PLOT,
    )


def _positive(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise BadSetting(f"{name}: {text!r} is not a whole number above 0")
    return int(text)
