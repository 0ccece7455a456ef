"""Three nodes, their pods and a machine outside, for every proxy mode in turn.

| node  | zone | pods           |
|-------|------|----------------|
| node1 | a    | web-1, client  |
| node2 | b    | web-2          |
| node3 | a    | web-3, lone    |

All of them, the nodes and the machine `outside` answer at ports 8080 and 8081 of TCP, UDP and
SCTP. A test says which Services there are (`site.use`); afterwards there are none again.
"""

from zlib import crc32

import pytest

from netcore.service.modes.registry import PROXY_MODES
from tests.netns.services.site import Site, built

MODES = tuple(mode for mode in PROXY_MODES if mode != "none")


@pytest.fixture(scope="package")
def shared_site():
    with built() as site:
        yield site


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture
def site(shared_site: Site, mode: str, request):
    """The nodes in this proxy mode, without Services and long after all that ever was.

    Chance is fixed, for each test another one: the ports that nodes masquerade with must not be
    those of the test before, whose connections the pods may still have.
    """
    shared_site.begin(mode, crc32(request.node.name.encode()))
    yield shared_site
    shared_site.end()
