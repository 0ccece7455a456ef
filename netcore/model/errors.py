"""The exceptions of kubehop, one tree.

KubehopError
├── PacketError            bytes that are not the packet they claim to be
│   ├── TruncatedPacket
│   └── BadHeader
├── ConfigError            what a user wrote, with the place and the remedy
├── AllocationError        a pool (addresses, ports, CIDRs) has nothing left or refuses a wish
└── DatapathError          an operation of a datapath failed

A policy drop or a reject is a verdict, never an exception.
"""


class KubehopError(Exception):
    """Anything that kubehop itself has to say went wrong."""


class PacketError(KubehopError):
    """Foreign bytes that cannot be parsed. Parsers of packets raise nothing else."""


class TruncatedPacket(PacketError):
    """The bytes end before the header or the length that it states."""


class BadHeader(PacketError):
    """A header field has a value that its RFC forbids."""


class ConfigError(KubehopError):
    """Bad input from a person: the message names the thing, the place and the remedy."""


class AllocationError(KubehopError):
    """A pool cannot give what was asked for."""


class DatapathError(KubehopError):
    """A datapath could not do `operation` on `target`."""

    def __init__(self, operation: str, target: str, reason: str) -> None:
        super().__init__(f"{operation} {target}: {reason}")
        self.operation = operation
        self.target = target


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error that is no group itself, of tasks that ran side by side; groups nest."""
    error = group.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error
