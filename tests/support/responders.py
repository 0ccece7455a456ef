"""TCP, UDP and SCTP servers in many namespaces, served by one thread; and how to ask them.

Whatever a server is sent, it answers with its name and whom it saw: `web-1 10.244.1.3 40000`.
TCP connections stay until a client ends them. There need not be an SCTP stack: what is sent as
SCTP goes through raw sockets, one packet a question.
"""

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

from netcore.packet.protocols import PROTOCOL_SCTP
from netcore.packet.sctp import SctpHeader
from nodeagent.edges.netns import run_in_netns
from tests.support.topology import Namespace

TIMEOUT_S = 3.0
_QUESTION = b"who?"


class Answer(NamedTuple):
    """Who answered, and the client's address and port as it was seen there."""

    name: str
    client: str
    client_port: int


class Responders:
    """Serves from `__enter__` to `__exit__`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._stopping, self._stop = socket.socketpair()
        self._selector.register(self._stopping, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="responders", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.close()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def listen(self, namespace: Namespace, name: str, port: int) -> None:
        """Answer as `name` at this port of all three protocols, over both families."""
        tcp, udp, sctp, sctp6 = run_in_netns(namespace.path, lambda: _open(port))
        self._serve(tcp, partial(self._accept, name))
        self._serve(udp, partial(_answer_datagram, name))
        self._serve(sctp, partial(_answer_sctp, name, port))
        self._serve(sctp6, partial(_answer_sctp, name, port))

    def _serve(self, opened: socket.socket, answer: Callable[[socket.socket], None]) -> None:
        opened.setblocking(False)
        self._selector.register(opened, selectors.EVENT_READ, answer)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._stopping:
                    return
                key.data(key.fileobj)

    def _accept(self, name: str, listening: socket.socket) -> None:
        connection, _ = listening.accept()
        self._serve(connection, partial(self._answer_stream, name))

    def _answer_stream(self, name: str, connection: socket.socket) -> None:
        try:
            if connection.recv(2000):
                connection.send(_introduction(name, connection.getpeername()))
                return
        except OSError:  # the client has reset it
            pass
        self._selector.unregister(connection)
        connection.close()


def _open(port: int) -> tuple[socket.socket, ...]:
    tcp = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    udp.bind(("::", port))
    families = socket.AF_INET, socket.AF_INET6
    sctp, sctp6 = (socket.socket(each, socket.SOCK_RAW, PROTOCOL_SCTP) for each in families)
    return tcp, udp, sctp, sctp6


def _introduction(name: str, client: tuple[str, int]) -> bytes:
    return f"{name} {client[0].removeprefix('::ffff:')} {client[1]}".encode()


def _answer_datagram(name: str, opened: socket.socket) -> None:
    """From the address that was asked, which need not be the one that the route would choose."""
    _, control, _, client = opened.recvmsg(2000, 200)
    ((level, kind, asked),) = control
    own = (level, kind, asked[:16] + bytes(4))  # struct in6_pktinfo, by whatever device
    opened.sendmsg([_introduction(name, client)], [own], 0, client)


def _answer_sctp(name: str, port: int, opened: socket.socket) -> None:
    received, client = opened.recvfrom(2000)
    packet = _without_ip_header(opened, received)
    source, target = int.from_bytes(packet[:2], "big"), int.from_bytes(packet[2:4], "big")
    if target == port:
        answer = _introduction(name, (client[0], source))
        opened.sendto(_sctp(port, source, answer), (client[0], 0))


def _without_ip_header(opened: socket.socket, received: bytes) -> bytes:
    """Raw sockets of IPv4 show it, those of IPv6 do not (raw(7), ipv6(7))."""
    return received if opened.family == socket.AF_INET6 else received[(received[0] & 15) * 4 :]


def _sctp(source: int, target: int, data: bytes) -> bytes:
    return SctpHeader(source, target, 0xCAFE).with_checksum(data).encode() + data


# Asking.


def opened(source: Namespace, address: str, kind: int, protocol: int = 0) -> socket.socket:
    """A socket of that namespace and of the address' family; it gives up after `TIMEOUT_S`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = run_in_netns(source.path, lambda: socket.socket(family, kind, protocol))
    made.settimeout(TIMEOUT_S)
    return made


def connect(
    kind: int, source: Namespace, address: str, port: int, *, client_port: int = 0
) -> socket.socket:
    """A connected TCP (SOCK_STREAM) or UDP (SOCK_DGRAM) socket."""
    made = opened(source, address, kind)
    try:
        if client_port:
            made.bind(("::" if ":" in address else "0.0.0.0", client_port))
        made.connect((address, port))
    except BaseException:
        made.close()
        raise
    return made


def who(connected: socket.socket) -> Answer:
    """Ask once through a connected socket. Raises ConnectionRefusedError, ConnectionResetError
    (the server's end of the connection is gone) or TimeoutError.
    """
    connected.send(_QUESTION)
    return _parsed(connected.recv(2000))


def ask(protocol: str, source: Namespace, address: str, port: int) -> Answer:
    """The answer to one client with one question. Raises as `who` does."""
    if protocol == "SCTP":
        return _ask_sctp(source, address, port)
    if protocol == "TCP":
        connected = connect(socket.SOCK_STREAM, source, address, port)
    else:  # a port that is used again would belong to a flow that is still known
        own = next(_CLIENT_PORTS)
        connected = connect(socket.SOCK_DGRAM, source, address, port, client_port=own)
    with connected:
        return who(connected)


def _ask_sctp(source: Namespace, address: str, port: int) -> Answer:
    with opened(source, address, socket.SOCK_RAW, PROTOCOL_SCTP) as raw:
        raw.connect((address, 0))  # only so is it told of ICMP errors
        raw.send(_sctp(next(_CLIENT_PORTS), port, _QUESTION))
        return _parsed(_without_ip_header(raw, raw.recv(2000))[12:])


def _parsed(answer: bytes) -> Answer:
    if not answer:
        raise ConnectionResetError("the connection was ended")
    name, client, port = answer.decode().split()
    return Answer(name, client, int(port))


def _count_up() -> Iterator[int]:
    while True:
        yield from range(10_000, 30_000)


_CLIENT_PORTS = _count_up()
"""No two questions over UDP or SCTP are of one flow."""


@contextmanager
def unanswered(protocol: str, source: Namespace, address: str, port: int) -> Iterator[None]:
    """A question is on its way while the block lasts; nobody may have answered by its end."""
    kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
    with opened(source, address, kind) as asking:
        asking.setblocking(False)
        if protocol == "TCP":
            assert asking.connect_ex((address, port)) == _IN_PROGRESS
        else:
            asking.connect((address, port))
            asking.send(_QUESTION)
        yield
        if protocol == "TCP":
            assert asking.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        try:
            asking.recv(1)
        except BlockingIOError:
            return
        except OSError as error:
            if protocol == "TCP" and error.errno == _NOT_CONNECTED:
                return
            raise
        raise AssertionError(f"{address} port {port} answered")


_IN_PROGRESS = 115
_NOT_CONNECTED = 107
