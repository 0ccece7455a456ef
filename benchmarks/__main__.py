"""`make bench`: what a cluster costs, as figures and never as assertions.

Writes JSON to BENCH_OUT or benchmarks/results/startup.json: `{"rows": [{"name", "median",
"values", "goal", "unit"}]}`.
"""

import json
import os
import statistics
import sys
from pathlib import Path

from benchmarks.cluster import measure_round
from benchmarks.goals import GOALS

_DEFAULT_OUT = Path(__file__).parent / "results" / "startup.json"
_DEFAULT_ROUNDS = 3


def main() -> int:
    rounds = int(os.environ.get("BENCH_ROUNDS", _DEFAULT_ROUNDS))
    values: dict[str, list[float]] = {name: [] for name in GOALS}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds} ...", file=sys.stderr)
        for name, value in measure_round(f"bench{number}").items():
            values[name].append(value)
    rows = [
        {
            "name": name,
            "median": round(statistics.median(found), 3),
            "values": [round(value, 3) for value in found],
            "goal": GOALS[name].value,
            "unit": GOALS[name].unit,
        }
        for name, found in values.items()
    ]
    _print(rows)
    out = Path(os.environ.get("BENCH_OUT") or _DEFAULT_OUT)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"rows": rows}, indent=2) + "\n")
    print(f"written to {out}")
    return 0


def _print(rows: list[dict[str, object]]) -> None:
    print(f"{'measure':<24} {'median':>9} {'goal':>7}  unit")
    for row in rows:
        print(f"{row['name']:<24} {row['median']:>9} {row['goal']:>7}  {row['unit']}")


if __name__ == "__main__":
    sys.exit(main())
