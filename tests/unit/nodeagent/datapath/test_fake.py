import pytest

from netcore.conntrack.tuple import FlowTuple
from netcore.model.errors import DatapathError
from netcore.pipeline.context import FromHost
from netcore.pipeline.verdict import ToHost
from nodeagent.datapath.base import ObservationFilter, PodPort
from nodeagent.datapath.fake.datapath import FakeDatapath
from tests.support.cluster import cluster
from tests.support.frames import PEER, POD, POD_MAC


def test_it_remembers_and_does_nothing():
    first, second = cluster(), cluster()
    fake = FakeDatapath(first)
    fake.apply(second)
    assert fake.snapshots == [first, second]
    port = PodPort("uid", "default/web", -1, POD_MAC, (POD,))
    fake.attach(port)
    with pytest.raises(DatapathError, match="already attached"):
        fake.attach(port)
    fake.detach("uid")
    fake.detach("uid")
    assert fake.ports == {}
    assert fake.capabilities == {"fake"}
    assert (fake.conntrack(), fake.stats()) == ((), {})
    assert fake.probe(FlowTuple(6, POD, 1, PEER, 2), FromHost()).verdict == ToHost()
    fake.close()
    assert fake.closed


def test_observers_come_and_go():
    fake = FakeDatapath(cluster())
    observer = fake.observe(ObservationFilter(frozenset({POD})), print)
    assert fake.reports == [print]
    observer.close()
    observer.close()
    assert fake.reports == []
