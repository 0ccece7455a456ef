"""TAP devices: whole Ethernet frames through a file descriptor.

Source: Documentation/networking/tuntap.rst, include/uapi/linux/if_tun.h of Linux.
"""

import contextlib
import fcntl
import os
import struct

from netcore.model.errors import DatapathError
from netcore.model.offloads import CHECKSUM_OFFLOAD, TCP_OFFLOAD, UDP_OFFLOAD

_TUNSETIFF = 0x400454CA
_TUNGETIFF = 0x800454D2
_TUNSETOFFLOAD = 0x400454D0
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_IFF_VNET_HDR = 0x4000
_IFREQ = struct.Struct("16sH22x")

_TUN_F_CSUM = 0x01
_TUN_F_TSO4 = 0x02
_TUN_F_TSO6 = 0x04
_TUN_F_USO4 = 0x20
_TUN_F_USO6 = 0x40
_TCP_OFFLOADS = _TUN_F_CSUM | _TUN_F_TSO4 | _TUN_F_TSO6
_UDP_OFFLOADS = _TUN_F_USO4 | _TUN_F_USO6


def open_tap(name: str) -> int:
    """A non-blocking descriptor of a new TAP device in the calling thread's network namespace.

    Each read gives one frame, each write takes one; where the kernel can, an offload header
    precedes it (see `has_offload_header`) and the device leaves checksums and segmentation to
    whoever reads. The device vanishes with the descriptor.
    Raises DatapathError with the remedy when the machine does not allow it.
    """
    try:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DatapathError(
            "open", "/dev/net/tun", f"{error.strerror}; load the tun module and give access to it"
        ) from error
    try:
        _name(descriptor, name)
    except OSError as error:
        os.close(descriptor)
        raise DatapathError(
            "create TAP", name, f"{error.strerror}; CAP_NET_ADMIN is needed"
        ) from error
    if has_offload_header(descriptor):
        _offer_offloads(descriptor)
    return descriptor


def has_offload_header(descriptor: int) -> bool:
    """Whether the TAP device's frames have a `struct virtio_net_hdr` in front of them."""
    try:
        answer = fcntl.ioctl(descriptor, _TUNGETIFF, bytes(_IFREQ.size))
    except OSError:  # not a TAP device
        return False
    return bool(_IFREQ.unpack(answer)[1] & _IFF_VNET_HDR)


def offered_offloads(descriptor: int) -> frozenset[str]:
    """What a TAP device of this kernel leaves to its reader; sets it anew on `descriptor`."""
    return _offer_offloads(descriptor) if has_offload_header(descriptor) else frozenset()


def _name(descriptor: int, name: str) -> None:
    flags = _IFF_TAP | _IFF_NO_PI
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, _IFREQ.pack(name.encode(), flags | _IFF_VNET_HDR))
    except OSError:  # an older kernel, or gVisor's: without offload, or for the same reason not
        fcntl.ioctl(descriptor, _TUNSETIFF, _IFREQ.pack(name.encode(), flags))


def _offer_offloads(descriptor: int) -> frozenset[str]:
    """The most that this kernel knows: UDP segmentation came with Linux 6.2."""
    for flags, names in (
        (_TCP_OFFLOADS | _UDP_OFFLOADS, {CHECKSUM_OFFLOAD, TCP_OFFLOAD, UDP_OFFLOAD}),
        (_TCP_OFFLOADS, {CHECKSUM_OFFLOAD, TCP_OFFLOAD}),
        (_TUN_F_CSUM, {CHECKSUM_OFFLOAD}),
    ):
        with contextlib.suppress(OSError):
            fcntl.ioctl(descriptor, _TUNSETOFFLOAD, flags)
            return frozenset(names)
    return frozenset()
