import pytest

from tests.support.cluster import cluster
from tests.support.decider import Decider


@pytest.fixture
def node1() -> Decider:
    """The node of frames.POD (web-1) and of the client."""
    return Decider(cluster())


@pytest.fixture
def node2() -> Decider:
    """The node of frames.PEER (web-2)."""
    return Decider(cluster(on="node2"))
