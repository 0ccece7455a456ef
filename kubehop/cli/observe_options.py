"""The filters of `kubehop observe` as options, and `--not` before one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

NEGATED = "\0"
"""Begins the value of a filter that stood behind `--not`; no argument of a program can have it."""

_SIDED = {
    "pod": ("", "[NS/]PREFIX", "pods whose name begins so"),
    "namespace": ("-n", "NAMESPACE", "pods of a namespace"),
    "label": ("-l", "SELECTOR", "pods with these labels"),
    "ip": ("", "IP|CIDR", "addresses"),
    "port": ("", "PORT", "ports"),
    "service": ("", "[NS/]PREFIX", "Services whose name begins so"),
    "fqdn": ("", "PATTERN", "DNS names that answers told (with --l7)"),
    "identity": ("", "NUMBER|NAME", "identities"),
}
_PLAIN = {
    "protocol": ("", "NAME", "tcp, udp, sctp, icmp, icmpv4, icmpv6, http, dns"),
    "verdict": ("", "NAME", "FORWARDED, DROPPED, AUDIT, TRACED, TRANSLATED"),
    "type": ("-t", "TYPE[:SUBTYPE]", "trace, drop, policy-verdict, trace-sock, l7"),
    "traffic-direction": ("", "NAME", "ingress or egress"),
    "node-name": ("", "PATTERN", "who saw the packet"),
    "drop-reason-desc": ("", "NAME", "such as POLICY_DENIED"),
    "tcp-flags": ("", "FLAG,...", "flags that are all set"),
    "http-method": ("", "METHOD", "such as GET"),
    "http-status": ("", "CODE", "404, or 5+ for all that begin so"),
    "http-path": ("", "REGEX", "the whole path"),
    "http-url": ("", "REGEX", "the whole URL"),
    "uuid": ("", "UUID", "one flow"),
}


def filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """All filters, each as often as wanted; a sided one also as --from-X and --to-X."""
    for name, (short, metavar, about) in reversed(_PLAIN.items()):
        function = _option(name, short, metavar, f"Only {about}.")(function)
    for name, (short, metavar, about) in reversed(_SIDED.items()):
        function = _option(f"to-{name}", "", metavar, f"Only to {about}.")(function)
        function = _option(f"from-{name}", "", metavar, f"Only from {about}.")(function)
        function = _option(name, short, metavar, f"Only from or to {about}.")(function)
    for flag, short, about in (
        ("ipv6", "-6", "Only IPv6."),
        ("ipv4", "-4", "Only IPv4."),
        ("all-namespaces", "-A", "Names without a namespace are of any."),
    ):
        function = click.option(short, f"--{flag}", is_flag=True, help=about)(function)
    return function


def _option(name: str, short: str, metavar: str, about: str) -> Callable[..., Any]:
    names = [short, f"--{name}"] if short else [f"--{name}"]
    return click.option(*names, multiple=True, metavar=metavar, help=about)


class ObserveCommand(click.Command):
    """Reads `--not FILTER VALUE`: click itself does not keep the order of options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _mark_negated(args))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        with formatter.section("Before a filter"):
            formatter.write_dl([("--not", "Only what the filter does not match.")])


def _mark_negated(arguments: list[str]) -> list[str]:
    """Without `--not`, and the values that it is about begin with NEGATED."""
    known = {f"--{name}" for name in (*_PLAIN, *_SIDED)}
    known |= {f"--{side}-{name}" for side in ("from", "to") for name in _SIDED}
    known |= {short for short, _, _ in (*_PLAIN.values(), *_SIDED.values()) if short}
    found: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument != "--not":
            found.append(argument)
            continue
        option, given, value = next(rest, "").partition("=")
        if option not in known:
            raise click.UsageError("--not must stand before a filter with a value: --not --pod web")
        value = value if given else next(rest, None) or ""
        found += [option, NEGATED + value]
    return found
