"""Everything that the API serves by asking the nodes' agents, as the dispatcher takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.extensions.handler import GROUP, ExtensionHandler
from controlplane.api.streams.execs import ExecHandler
from controlplane.api.streams.logs import LogHandler
from controlplane.api.streams.node_proxy import NodeProxyHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controlplane.api.http.dispatch import StreamHandler
    from controlplane.api.strategy import Reader
    from controlplane.rpc.agents import Agents


def stream_handlers(reader: Reader, agents: Agents) -> Mapping[tuple[str, str], StreamHandler]:
    """By resource and subresource."""
    return {
        ("pods", "log"): LogHandler(reader, agents),
        ("pods", "exec"): ExecHandler("exec", reader, agents),
        ("pods", "attach"): ExecHandler("attach", reader, agents),
        ("nodes", "proxy"): NodeProxyHandler(agents),
    }


def extension_handlers(reader: Reader, agents: Agents) -> Mapping[str, StreamHandler]:
    """By API group."""
    return {GROUP: ExtensionHandler(reader, agents)}
