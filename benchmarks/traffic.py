"""Both ways side by side, measured in turns."""

import contextlib
import sys
import tempfile
from pathlib import Path

from benchmarks.kernel_site import kernel_site
from benchmarks.kubehop_site import kubehop_site
from benchmarks.outputs import BadOutput
from benchmarks.place import ProbeFailed
from benchmarks.probes import PROBES, Probe
from benchmarks.report import Samples
from benchmarks.settings import Settings
from benchmarks.site import Site, serving_http


def measure_traffic(settings: Settings, cluster: str, samples: Samples) -> int:
    """Adds every round's figures: kernel, kubehop, kernel, ...; returns how many probes failed.

    `cluster` is the name of the cluster that is started for it. A failure is printed.
    """
    chosen = [probe for probe in PROBES if settings.wants("traffic", *probe.names)]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kubehop-bench-")))
        kubehop = stack.enter_context(kubehop_site(cluster))
        kernel = stack.enter_context(kernel_site(kubehop.plan))
        for site in (kernel, kubehop):
            stack.enter_context(serving_http(site, folder))
        failures = 0
        for number in range(settings.rounds):
            print(f"traffic, round {number + 1} of {settings.rounds} ...", file=sys.stderr)
            for probe in chosen:
                for site in (kernel, kubehop):
                    failures += not _measured(probe, site, settings.seconds, samples)
    return failures


def _measured(probe: Probe, site: Site, seconds: int, samples: Samples) -> bool:
    """Whether it went well. One probe's failure is no reason to lose the others' figures."""
    try:
        figures = probe.run(site, seconds)
    except (ProbeFailed, BadOutput) as error:
        print(f"  {probe.names[0]}: {error}", file=sys.stderr)
        return False
    if figures:
        text = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        print(f"  {site.name:<8} {text}", file=sys.stderr)
    samples.add(site.name, figures)
    return True
