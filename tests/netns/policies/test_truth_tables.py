"""Every pair of pods, every port: real packets against the specification's words."""

import pytest

from tests.netns.policies.world import NAMES, PROBES, World
from tests.netns.policies.written import CASES

pytestmark = pytest.mark.netns


@pytest.fixture(
    scope="module", params=[(1, 4), (2, 4), (2, 6)], ids=["one-node", "two-nodes", "ipv6"]
)
def world(request):
    with World(*request.param) as made:
        yield made


def table(found, probes):
    """What differs, short enough to be read."""
    return {probe: verdict for probe, verdict in found.items() if probes[probe] != verdict}


@pytest.mark.parametrize("name", CASES)
def test_who_reaches_whom(world, name):
    policies = CASES[name]
    world.apply(policies)
    expected = {probe: world.expected(policies, probe) for probe in PROBES}
    assert table(world.observe(PROBES), expected) == {}


def test_the_tables_differ():
    """Cases that nobody could tell apart would show nothing."""
    assert len(CASES) >= 60
    assert len(NAMES) == 9
