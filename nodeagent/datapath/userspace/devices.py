"""The devices that the userspace datapath reads and writes.

Frames are read into and sent from buffers in which HEADROOM_BYTES precede the frame. There a TAP
has its offload header and a tunnel its VXLAN header, so that a frame passes from the one to the
other without being copied.
"""

import errno
import os
from dataclasses import dataclass

from netcore.packet.offload import OFFLOAD_HEADER_BYTES
from netcore.pipeline.context import FromPod
from nodeagent.datapath.base import PodPort
from nodeagent.edges.tap import has_offload_header

HEADROOM_BYTES = OFFLOAD_HEADER_BYTES
BUFFER_BYTES = HEADROOM_BYTES + 65_550  # the largest IP packet and its Ethernet header
_NO_OFFLOAD = bytes(HEADROOM_BYTES)


def with_headroom(frame: bytes) -> memoryview:
    """A buffer for an ordinary frame, whose checksums are filled in."""
    return memoryview(bytearray(HEADROOM_BYTES) + frame)


@dataclass(frozen=True, slots=True)
class Tap:
    """A TAP device: a pod's eth0 or the host endpoint. `mac` is the far end's address.

    `has_offload`: it reads and writes offload headers; else it has ordinary frames only.
    """

    descriptor: int
    mac: bytes
    has_offload: bool = False

    def read_into(self, buffer: memoryview) -> int | None:
        """Bytes of headroom and next frame; 0 when none waits, None when the device is no more."""
        try:
            if self.has_offload:
                return os.readv(self.descriptor, (buffer,))
            buffer[:HEADROOM_BYTES] = _NO_OFFLOAD
            return os.readv(self.descriptor, (buffer[HEADROOM_BYTES:],)) + HEADROOM_BYTES
        except OSError as error:  # nothing waits, or the device is down
            return None if error.errno == errno.EBADFD else 0

    def send(self, buffer: memoryview) -> bool:
        """Whether the device took the frame, which follows its offload header in `buffer`."""
        try:
            os.write(self.descriptor, buffer if self.has_offload else buffer[HEADROOM_BYTES:])
        except OSError:
            return False
        return True

    def close(self) -> None:
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class PodDevice:
    """A pod's TAP with what is known of the pod."""

    port: PodPort
    tap: Tap
    ingress: FromPod


def pod_device(port: PodPort) -> PodDevice:
    tap = Tap(port.descriptor, port.mac, has_offload_header(port.descriptor))
    return PodDevice(port, tap, FromPod(port.ips, port.mac))
