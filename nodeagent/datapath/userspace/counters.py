"""Counters of the packet path: plain integers, written by one thread."""

from collections import defaultdict

from netcore.pipeline.verdict import Drop, Reject, Verdict


class Counters:
    """Packets and bytes by verdict, drops and rejects by reason."""

    def __init__(self) -> None:
        self._values: defaultdict[str, int] = defaultdict(int)

    def verdict(self, verdict: Verdict, size_bytes: int) -> None:
        name = type(verdict).__name__.lower()
        self._values[f"{name}_packets"] += 1
        self._values[f"{name}_bytes"] += size_bytes
        match verdict:
            case Drop(reason):
                self._values[f"drop_{reason.name.lower()}"] += 1
            case Reject(kind):
                self._values[f"reject_{kind.name.lower()}"] += 1
            case _:
                pass

    def count(self, name: str, amount: int = 1) -> None:
        self._values[name] += amount

    def read(self) -> dict[str, int]:
        return dict(self._values)
