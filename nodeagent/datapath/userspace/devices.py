"""The three kinds of device that the userspace datapath reads and writes."""

import errno
import os
from dataclasses import dataclass

from netcore.pipeline.context import FromPod
from nodeagent.datapath.base import PodPort

FRAME_BYTES = 65_550  # the largest IP packet and its Ethernet header
DRAIN_FRAMES = 64
"""How many frames one wake-up takes from one descriptor before others have their turn."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A TAP device: a pod's eth0 or the host endpoint. `mac` is the far end's address."""

    descriptor: int
    mac: bytes

    def read_into(self, buffer: memoryview) -> int | None:
        """Bytes of the next frame; 0 when none waits, None when the device is no more."""
        try:
            return os.readv(self.descriptor, [buffer])
        except OSError as error:  # nothing waits, or the device is down
            return None if error.errno == errno.EBADFD else 0

    def write(self, frame: bytes | memoryview) -> bool:
        """Whether the device took the frame."""
        try:
            os.write(self.descriptor, frame)
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
    return PodDevice(port, Tap(port.descriptor, port.mac), FromPod(port.ips, port.mac))
