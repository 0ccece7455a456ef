"""`make bench`: kubehop measured beside the kernel, as figures and never as assertions.

Prints a table, writes JSON to BENCH_OUT or benchmarks/results/bench.json, and draws the ratios
to BENCH_PLOT or docs/benchmarks.svg, those of the proxy modes beside it to proxy-modes.svg.
Further: BENCH_ROUNDS, BENCH_SECONDS (per probe), BENCH_ONLY (rows or groups, with commas; then
nothing is drawn unless BENCH_PLOT says where).
"""

import argparse
import datetime
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import proxy_modes, proxy_report, scale
from benchmarks.goals import GROUPS, STARTUP, TRAFFIC, Measure
from benchmarks.machine import describe_machine, machine_line
from benchmarks.report import KUBEHOP, Row, Samples, rows_of, table
from benchmarks.settings import Settings, read_settings
from benchmarks.startup import measure_round
from benchmarks.tools import check_tools
from benchmarks.traffic import measure_traffic
from netcore.model.errors import KubehopError


def main() -> int:
    """0; 1: a figure is missing or nothing could be measured; 2: a setting or tool is wrong."""
    shown_as_it_is = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(
        "make bench", description=__doc__, formatter_class=shown_as_it_is
    ).parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        settings = read_settings(os.environ, (*GROUPS, *TRAFFIC, *STARTUP))
        check_tools()
    except KubehopError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    try:
        return _bench(settings)
    except (KubehopError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; all is cleaned up", file=sys.stderr)
        return 128 + signal.SIGINT


def _bench(settings: Settings) -> int:
    machine = describe_machine()
    began = datetime.datetime.now(datetime.UTC)
    samples = Samples()
    failures = 0
    if settings.wants("traffic", *TRAFFIC):
        failures = measure_traffic(settings, f"bench-{os.getpid()}", samples)
    if settings.wants("startup", *STARTUP):
        _measure_startup(settings, samples)
    measures = {**_wanted(settings, "traffic", TRAFFIC), **_wanted(settings, "startup", STARTUP)}
    rows = list(rows_of(samples, measures))
    if settings.wants("scale"):
        rows += _scale_rows()
    figures = proxy_modes.measure(settings.rounds) if settings.wants("proxy-modes") else []
    _publish(settings, rows, figures, machine, f"{began:%Y-%m-%d}")
    return 1 if failures or any(row.kubehop is None for row in rows) else 0


def _wanted(settings: Settings, group: str, measures: dict[str, Measure]) -> dict[str, Measure]:
    return {name: found for name, found in measures.items() if settings.wants(group, name)}


def _measure_startup(settings: Settings, samples: Samples) -> None:
    for number in range(settings.rounds):
        print(f"start-up, round {number + 1} of {settings.rounds} ...", file=sys.stderr)
        samples.add(KUBEHOP, measure_round(f"bench{number}-{os.getpid()}"))


def _scale_rows() -> Iterator[Row]:
    print("many services, many nodes ...", file=sys.stderr)
    for row in scale.measure():
        value = row["kubehop"]
        yield Row(row["name"], row["unit"], None, value, row["goal"], True, {KUBEHOP: [value]})


def _publish(
    settings: Settings,
    rows: list[Row],
    figures: list[proxy_report.Figure],
    machine: dict[str, Any],
    date: str,
) -> None:
    if rows:
        print(table(rows))
    if figures:
        print(proxy_report.tables(figures))
    print(f"{date}, {machine_line(machine)}, {settings.rounds} x {settings.seconds} s, medians")
    if machine["load"] > 0.5:
        print(f"The machine was not still before (load {machine['load']}): measure again.")
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    found = {
        "rows": [row.as_json() for row in rows],
        "proxy_modes": proxy_report.as_json(figures),
        "date": date,
        "machine": machine,
        "rounds": settings.rounds,
        "seconds": settings.seconds,
    }
    settings.out.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    print(f"written to {settings.out}")
    if settings.plot:
        _draw(settings.plot, rows, figures, f"{date}: {machine_line(machine)}")


def _draw(path: Path, rows: list[Row], figures: list[proxy_report.Figure], caption: str) -> None:
    from benchmarks import plot, proxy_plot  # the library is heavy: a quick look does without

    if plot.draw(rows, f"kubehop beside the kernel, {caption}", path):
        print(f"drawn to {path}")
    if figures:
        beside = path.with_name("proxy-modes.svg")
        proxy_plot.draw(figures, f"proxy modes of kubehop, {caption}", beside)
        print(f"drawn to {beside}")


if __name__ == "__main__":
    sys.exit(main())
