"""One real packet for each expectation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kubehop.kubernetes.client import ApiClient
from kubehop.kubernetes.deployments import settled
from kubehop.kubernetes.packet_traces import send_packet
from kubehop.kubernetes.pods import load_names
from kubehop.kubernetes.trace_ends import find_destination, find_source
from kubehop.policy.checking import Result, compare
from kubehop.policy.observation import observe
from kubehop.policy.places import find_source as find_place
from kubehop.policy.places import find_targets
from kubehop.policy.prediction import predict
from kubehop.tracing.outcome import NOT_RUN, outcome
from netcore.model.errors import ConfigError, KubehopError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubehop.kubernetes.credentials import Credentials
    from kubehop.kubernetes.trace_ends import Destination, Source
    from kubehop.policy.expectations import Expectation
    from kubehop.policy.prediction import Prediction
    from kubehop.policy.world import World
    from kubehop.tracing.names import Names

AT_ONCE = 4
_MARGIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Probe:
    """An expectation, looked up: what is predicted, who sends, where to."""

    expectation: Expectation
    predictions: tuple[Prediction, ...]
    source: Source
    destination: Destination


def prepare(client: ApiClient, world: World, expectations: Sequence[Expectation]) -> list[Probe]:
    """Raises ConfigError or ApiError with the entry that names what is not there."""
    return [_prepared(client, world, each) for each in expectations]


def run(credentials: Credentials, probes: Sequence[Probe], timeout_s: float) -> Iterator[Result]:
    """The results in the order of the probes, as they come; some packets are sent at once.

    A probe that cannot be sent is a result with a `failure`. Raises ApiError, ApiUnreachable.
    """
    with ApiClient(credentials) as client:
        names = load_names(client)

    def one(probe: Probe) -> Result:
        try:
            with ApiClient(credentials, timeout_s + _MARGIN_S) as client:
                return _sent(client, probe, names, timeout_s)
        except KubehopError as error:
            return Result(probe.expectation, failure=str(error))

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="probe") as threads:
        yield from threads.map(one, probes)


def _prepared(client: ApiClient, world: World, expectation: Expectation) -> Probe:
    try:
        place = settled(client, expectation.start)
        end = replace(expectation.end, place=settled(client, expectation.end.place))
        source = find_source(client, place)
        destination = find_destination(client, end, source)
        start = find_place(world, place)
        targets = find_targets(world, end, start)
        predictions = tuple(predict(world, start, target) for target in targets)
    except KubehopError as error:
        raise ConfigError(f"{expectation.place}: {error}") from error
    return Probe(expectation, predictions, source, destination)


def _sent(client: ApiClient, probe: Probe, names: Names, timeout_s: float) -> Result:
    trace = send_packet(client, probe.source, probe.destination, timeout_s)
    ended = outcome(trace, names)
    if ended.exit_code == NOT_RUN:
        return Result(probe.expectation, failure=ended.sentence)
    return compare(probe.expectation, probe.predictions, observe(trace, ended))
