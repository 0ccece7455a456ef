"""TAP devices: whole Ethernet frames through a file descriptor.

Source: Documentation/networking/tuntap.rst of Linux.
"""

import fcntl
import os
import struct

from netcore.model.errors import DatapathError

_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_IFREQ = struct.Struct("16sH22x")


def open_tap(name: str) -> int:
    """A non-blocking descriptor of a new TAP device in the calling thread's network namespace.

    Each read gives one frame, each write takes one. The device vanishes with the descriptor.
    Raises DatapathError with the remedy when the machine does not allow it.
    """
    try:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DatapathError(
            "open", "/dev/net/tun", f"{error.strerror}; load the tun module and give access to it"
        ) from error
    try:
        request = _IFREQ.pack(name.encode(), _IFF_TAP | _IFF_NO_PI)
        fcntl.ioctl(descriptor, _TUNSETIFF, request)
    except OSError as error:
        os.close(descriptor)
        raise DatapathError(
            "create TAP", name, f"{error.strerror}; CAP_NET_ADMIN is needed"
        ) from error
    return descriptor
