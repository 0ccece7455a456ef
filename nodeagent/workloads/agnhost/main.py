"""`agnhost SUBCOMMAND [flags]`: the explicit table of subcommands."""

import sys
from collections.abc import Callable, Sequence
from typing import Final

from nodeagent.workloads import start_notice
from nodeagent.workloads.agnhost import (
    connect,
    netexec,
    pause,
    porter,
    resolver,
    serve_hostname,
    webserver,
)

_SUBCOMMANDS: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "connect": connect.main,
    "dns-server-list": resolver.server_list_main,
    "dns-suffix": resolver.suffix_main,
    "etc-hosts": resolver.etc_hosts_main,
    "netexec": netexec.main,
    "pause": pause.main,
    "porter": porter.main,
    "serve-hostname": serve_hostname.main,
    "test-webserver": webserver.main,
}

_SERVERS: Final = frozenset({"netexec", "porter", "serve-hostname", "test-webserver"})


def main(args: Sequence[str]) -> int:
    name = args[0] if args else "pause"
    if name not in _SUBCOMMANDS:
        known = ", ".join(_SUBCOMMANDS)
        print(f"agnhost: no subcommand {name!r} here; known: {known}", file=sys.stderr)
        return 2
    if name not in _SERVERS:
        start_notice.give()
    return _SUBCOMMANDS[name](args[1:])
