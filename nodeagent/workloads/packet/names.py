"""A name as the resolver of this place looks it up: /etc/hosts, the search list, the servers."""

import random
import socket
import time
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from nodeagent.workloads.packet.dns_wire import (
    TYPE_A,
    TYPE_AAAA,
    BadAnswer,
    encode_question,
    parse_answer,
)

_PORT: Final = 53
_MAX_DATAGRAM: Final = 4096
_DEFAULT_TIMEOUT_S, _DEFAULT_ATTEMPTS, _DEFAULT_NDOTS = 5.0, 2, 1
_MAX_SERVERS: Final = 3
_KINDS: Final = {"A": TYPE_A, "AAAA": TYPE_AAAA}


@dataclass(frozen=True, slots=True)
class Resolver:
    """What resolv.conf(5) says."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    ndots: int = _DEFAULT_NDOTS
    timeout_s: float = _DEFAULT_TIMEOUT_S
    attempts: int = _DEFAULT_ATTEMPTS

    def candidates(self, name: str) -> list[str]:
        """The names to ask for, in order: with enough dots the name itself comes first."""
        if name.endswith("."):
            return [name.rstrip(".")]
        searched = [f"{name}.{suffix.rstrip('.')}" for suffix in self.searches]
        return [name, *searched] if name.count(".") >= self.ndots else [*searched, name]


@dataclass(slots=True)
class Question:
    """One question, whom it went to and what came back; times in milliseconds."""

    name: str
    kind: str
    server: str
    source_port: int = 0
    rcode: str = ""
    addresses: tuple[str, ...] = ()
    ms: float = 0.0


@dataclass(slots=True)
class Lookup:
    """How a name became addresses. `by`: "literal", "/etc/hosts" or "dns"."""

    name: str
    by: str
    addresses: tuple[str, ...] = ()
    questions: list[Question] = field(default_factory=list)
    ms: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """With the names of JSON."""
        shown = [
            {
                "name": asked.name,
                "type": asked.kind,
                "server": asked.server,
                "sourcePort": asked.source_port,
                "rcode": asked.rcode,
                "addresses": list(asked.addresses),
                "ms": round(asked.ms, 3),
            }
            for asked in self.questions
        ]
        plain = asdict(self) | {"questions": shown, "ms": round(self.ms, 3)}
        return {**plain, "addresses": list(self.addresses)}


def parse_resolv_conf(text: str) -> Resolver:
    """The file's lines that matter here; what cannot be read has its default. Never fails."""
    servers: list[str] = []
    searches: tuple[str, ...] = ()
    options: dict[str, str] = {}
    for words in map(str.split, text.splitlines()):
        match words[:1]:
            case ["nameserver"] if len(words) > 1 and is_address(words[1]):
                servers.append(words[1])
            case ["search" | "domain"]:
                searches = tuple(word for word in words[1:] if word != ".")
            case ["options"]:
                options.update((name, value) for name, _, value in
                               (word.partition(":") for word in words[1:]))  # fmt: skip
    return Resolver(
        tuple(servers[:_MAX_SERVERS]),
        searches,
        _number(options.get("ndots"), _DEFAULT_NDOTS),
        _number(options.get("timeout"), int(_DEFAULT_TIMEOUT_S)) or 1,
        _number(options.get("attempts"), _DEFAULT_ATTEMPTS) or 1,
    )


def hosts_entries(text: str, name: str) -> tuple[str, ...]:
    """The addresses that a hosts(5) file has for a name, in its order."""
    wanted = name.rstrip(".").lower()
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    found = [words[0] for words in lines if wanted in (word.lower() for word in words[1:])]
    return tuple(dict.fromkeys(filter(is_address, found)))


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def look_up(name: str, deadline_s: float, etc: Path = Path("/etc"), port: int = _PORT) -> Lookup:
    """The addresses of a name; none when nobody knows it. Asks until monotonic `deadline_s`.

    IPv6 first where there is a way to it, as RFC 6724 section 2.1 has it.
    """
    started = time.monotonic()
    if is_address(name):
        return Lookup(name, "literal", (name,))
    hosts = hosts_entries(_read(etc / "hosts"), name)
    if hosts:
        return Lookup(name, "/etc/hosts", _by_preference(hosts))
    found = Lookup(name, "dns")
    resolver = parse_resolv_conf(_read(etc / "resolv.conf"))
    for candidate in resolver.candidates(name):
        addresses: list[str] = []
        for kind in _KINDS:
            asked = _ask(resolver, candidate, kind, deadline_s, port)
            found.questions += asked
            addresses += asked[-1].addresses if asked else ()
        if addresses:
            found.addresses = _by_preference(tuple(addresses))
            break
    found.ms = (time.monotonic() - started) * 1000
    return found


def _ask(resolver: Resolver, name: str, kind: str, deadline_s: float, port: int) -> list[Question]:
    """Every try of one question; the last is the one that was answered, if any was."""
    tries: list[Question] = []
    for _ in range(resolver.attempts):
        for server in resolver.servers:
            wait_s = min(resolver.timeout_s, deadline_s - time.monotonic())
            if wait_s <= 0:
                return tries
            asked = Question(name, kind, server)
            tries.append(asked)
            _exchange(asked, wait_s, port)
            if asked.rcode in ("NOERROR", "NXDOMAIN"):
                return tries
    return tries


def _exchange(asked: Question, wait_s: float, port: int) -> None:
    query_id = random.randrange(1 << 16)
    family = socket.AF_INET6 if ":" in asked.server else socket.AF_INET
    started = time.monotonic()
    try:
        question = encode_question(query_id, asked.name, _KINDS[asked.kind])
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((asked.server, port))
            asked.source_port = sock.getsockname()[1]
            sock.send(question)
            asked.rcode, asked.addresses = _await(sock, query_id, asked.kind, started + wait_s)
    except TimeoutError:
        asked.rcode = f"no answer within {wait_s:.1f} s"
    except (OSError, ValueError) as error:
        asked.rcode = str(getattr(error, "strerror", None) or error)
    asked.ms = (time.monotonic() - started) * 1000


def _await(
    sock: socket.socket, query_id: int, kind: str, until_s: float
) -> tuple[str, tuple[str, ...]]:
    while (left_s := until_s - time.monotonic()) > 0:
        sock.settimeout(left_s)
        try:
            answer = parse_answer(sock.recv(_MAX_DATAGRAM), query_id, _KINDS[kind])
        except BadAnswer:
            continue  # somebody else's datagram: the answer may still come
        return answer.rcode, answer.addresses
    raise TimeoutError


def _by_preference(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Those that there is a route to, IPv6 before IPv4; then the others."""
    unique = dict.fromkeys(addresses)
    return tuple(sorted(unique, key=lambda found: (not _is_reachable(found), ":" not in found)))


def _is_reachable(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 9))  # sends nothing: the kernel only looks for a route
    except OSError:
        return False
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _number(text: str | None, default: int) -> int:
    return min(int(text), 30) if text and text.isascii() and text.isdigit() else default
