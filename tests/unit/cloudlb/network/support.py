"""A device that gives what it is told and keeps what it is given."""

from cloudlb.network.forwarder import Forwarder

MAC = bytes.fromhex("0200000000aa")
HEADER = 10
CLOCK_S = 100.0


class FakeFrames:
    """Each frame behind its offload header."""

    mac = MAC

    def __init__(self):
        self.waiting = []
        self.sent = []
        self.takes = True

    def read_into(self, buffer):
        if not self.waiting:
            return 0
        taken = self.waiting.pop(0)
        buffer[: len(taken)] = taken
        return len(taken)

    def write(self, frame):
        self.sent.append(bytes(frame))
        return self.takes


def forwarder(frontends, nodes=(), silent=()):
    """And its device."""
    device = FakeFrames()
    made = Forwarder(device, HEADER, HEADER + 14 + 65_536, lambda: CLOCK_S)
    made.use(frontends, frozenset(nodes), frozenset(silent))
    return made, device


def to(mac, frame, header=bytes(HEADER), source=None):
    """The frame as the device gives it, addressed to `mac`."""
    return header + mac + (source or bytes(frame[6:12])) + bytes(frame[12:])
