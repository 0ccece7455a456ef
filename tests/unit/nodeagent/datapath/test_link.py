import threading

import pytest

from netcore.model.errors import DatapathError
from nodeagent.datapath.userspace.link import CaptureLink
from nodeagent.edges.underlay import UnderlayLink

MAC = b"\2\0\0\0\0\1"


class Kernel:
    def __init__(self):
        self.neighbors, self.reads, self.error = {}, 0, None

    def __call__(self):
        self.reads += 1
        if self.error:
            raise self.error
        return UnderlayLink(b"\x7f\0\0\1", MAC, dict(self.neighbors))

    def joined(self):
        for thread in threading.enumerate():
            if thread.name == "capture-link":
                thread.join(5)


def test_a_neighbour_that_was_met_later_is_asked_for_once_a_second():
    now, kernel = [0.0], Kernel()
    link = CaptureLink(kernel, clock=lambda: now[0])
    assert (link.mac, link.address, kernel.reads) == (MAC, b"\x7f\0\0\1", 1)
    kernel.neighbors["127.0.0.2"] = b"\2" * 6
    assert link.mac_of("127.0.0.2") == bytes(6)
    kernel.joined()
    assert link.mac_of("127.0.0.2") == b"\2" * 6
    assert link.mac_of("127.0.0.3") == bytes(6)
    kernel.joined()
    assert kernel.reads == 2
    now[0] = 1.0
    kernel.error = DatapathError("read", "eth0", "gone")
    assert link.mac_of("127.0.0.3") == bytes(6)
    kernel.joined()
    assert kernel.reads == 3
    assert link.mac_of("127.0.0.2") == b"\2" * 6


def test_a_link_that_cannot_be_read_is_an_error_at_the_start():
    kernel = Kernel()
    kernel.error = DatapathError("find device of", "127.0.0.1", "none")
    with pytest.raises(DatapathError):
        CaptureLink(kernel)
