"""The language of capture filters: a small part of pcap-filter(7).

    filter    = [ chain ]
    chain     = factor { ("and" | "&&" | "or" | "||") factor }
    factor    = ("not" | "!") factor | "(" chain ")" | primitive
    primitive = protocol | [protocol] [direction] what | value
    protocol  = "ip" | "ip6" | "arp" | "tcp" | "udp" | "sctp" | "icmp" | "icmp6"
    direction = "src" | "dst"
    what      = ["host"] ADDRESS | "net" CIDR | "port" N | "portrange" N-N

As in pcap-filter, "and" and "or" bind equally, from left to right, and a value alone takes the
words before the last one: "port 80 or 443".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network

from netcore.capture.expression import (
    KINDS,
    And,
    Direction,
    Expression,
    Kind,
    Net,
    Not,
    Or,
    Ports,
)
from netcore.model.errors import ConfigError

MAX_FILTER_LENGTH = 4096
_MAX_DEPTH = 64
_TOKEN = re.compile(r"\(|\)|&&|\|\||!|[^\s()!&|]+|.", re.DOTALL)
_PORT = re.compile(r"[0-9]{1,5}")
_MAX_PORT = 0xFFFF
_DIRECTIONS = {"src": Direction.SRC, "dst": Direction.DST}
_AND, _OR, _NOT = ("and", "&&"), ("or", "||"), ("not", "!")
_END = ""


def parse_filter(text: str) -> Expression | None:
    """None for an empty filter: everything. Raises ConfigError naming the place."""
    if len(text) > MAX_FILTER_LENGTH:
        raise ConfigError(f"filter of {len(text)} characters: at most {MAX_FILTER_LENGTH}")
    tokens = [token for token in _TOKEN.findall(text) if not token.isspace()]
    if not tokens:
        return None
    return _Parser(text, tokens).whole()


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a primitive before its value."""

    protocol: str
    direction: Direction
    what: str


class _Parser:
    def __init__(self, text: str, tokens: list[str]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._last: _Words | None = None

    def whole(self) -> Expression:
        found = self._chain()
        if self._peek() != _END:
            raise self._error("give 'and' or 'or' between two conditions")
        return found

    def _chain(self) -> Expression:
        left = self._factor()
        while True:
            if self._take(_AND):
                left = And(left, self._factor())
            elif self._take(_OR):
                left = Or(left, self._factor())
            else:
                return left

    def _factor(self) -> Expression:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error(f"more than {_MAX_DEPTH} levels")
        try:
            if self._take(_NOT):
                return Not(self._factor())
            if self._take(("(",)):
                inner = self._chain()
                if not self._take((")",)):
                    raise self._error("a ')' is missing")
                return inner
            return self._primitive()
        finally:
            self._depth -= 1

    def _primitive(self) -> Expression:
        protocol = self._peek() if self._peek() in KINDS else ""
        if protocol:
            self._next += 1
        direction = _DIRECTIONS.get(self._peek(), Direction.EITHER)
        if direction is not Direction.EITHER:
            self._next += 1
        what = self._peek() if self._peek() in _WHATS else ""
        if what:
            self._next += 1
        elif protocol and direction is Direction.EITHER and not self._is_value():
            return Kind(protocol)
        if protocol or what or direction is not Direction.EITHER:
            self._last = _Words(protocol, direction, what or "host")
        return self._with_value(self._last or _Words("", Direction.EITHER, "host"))

    def _is_value(self) -> bool:
        token = self._peek()
        return token not in (_END, ")", *_AND, *_OR)

    def _with_value(self, words: _Words) -> Expression:
        if not self._is_value() or self._peek() in (*_NOT, "("):
            raise self._error(f"{_WHATS[words.what][1]} is missing")
        make, meant = _WHATS[words.what]
        try:
            found = make(self._peek(), words)
        except ValueError:
            raise self._error(
                f"expected {meant}, or a word such as 'host', 'port', 'tcp'"
            ) from None
        self._next += 1
        return found

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else _END

    def _take(self, wanted: tuple[str, ...]) -> bool:
        taken = self._peek() in wanted
        self._next += taken
        return taken

    def _error(self, why: str) -> ConfigError:
        place = f"at {self._peek()!r}" if self._peek() != _END else "at its end"
        return ConfigError(f"filter {self._text!r}: {place}: {why}")


def _host(value: str, words: _Words) -> Expression:
    if "/" in value:
        raise ValueError(value)
    return Net(ip_network(value), words.direction, words.protocol)


def _net(value: str, words: _Words) -> Expression:
    if "/" not in value:
        raise ValueError(value)
    return Net(ip_network(value), words.direction, words.protocol)


def _port(value: str, words: _Words) -> Expression:
    port = _port_number(value)
    return Ports(port, port, words.direction, words.protocol)


def _portrange(value: str, words: _Words) -> Expression:
    first, _, last = value.partition("-")
    found = Ports(_port_number(first), _port_number(last), words.direction, words.protocol)
    if found.first > found.last:
        raise ValueError(value)
    return found


def _port_number(value: str) -> int:
    if not _PORT.fullmatch(value) or int(value) > _MAX_PORT:
        raise ValueError(value)
    return int(value)


_WHATS: dict[str, tuple[Callable[[str, _Words], Expression], str]] = {
    "host": (_host, "an IP address"),
    "net": (_net, "a network such as 10.244.0.0/16, without host bits"),
    "port": (_port, "a port number (0 to 65535)"),
    "portrange": (_portrange, "two port numbers such as 8000-8080, the lower one first"),
}
