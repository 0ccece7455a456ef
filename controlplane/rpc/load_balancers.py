"""Takes in where the cloud has put Services and Ingresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from controlplane.api.errors import StatusError
from controlplane.rpc.refusal import Refusal
from netcore.model.address import parse_address
from netcore.model.errors import ConfigError
from protos.gen.v1 import controlplane_pb2 as pb

if TYPE_CHECKING:
    from controlplane.api.client import Client

Object = dict[str, Any]
_RESOURCES = {"Service": "services", "Ingress": "ingresses.networking.k8s.io"}
_IP_MODES = ("VIP", "Proxy")


async def report_load_balancer(
    client: Client, request: pb.ReportLoadBalancerRequest
) -> pb.ReportLoadBalancerResponse:
    """Stores status.loadBalancer. Raises ConfigError naming the bad field, Refusal NOT_FOUND."""
    resource = _RESOURCES.get(request.kind)
    if resource is None:
        raise ConfigError(f"kind: {request.kind!r} has no load balancer: Service or Ingress")
    entries = [_entry(entry, request.kind) for entry in request.ingress]

    def change(current: Object) -> None:
        if current["metadata"]["uid"] != request.uid:
            raise StatusError(404, "NotFound", "another object has this name by now")
        status: Object = current.setdefault("status", {})
        status["loadBalancer"] = {"ingress": entries} if entries else {}

    try:
        await client.patch(
            resource, request.name, change, request.namespace or None, subresource="status"
        )
    except StatusError as error:
        if error.reason != "NotFound":
            raise
        message = f"{request.kind} {request.namespace}/{request.name} no longer exists"
        raise Refusal(grpc.StatusCode.NOT_FOUND, message) from error
    return pb.ReportLoadBalancerResponse()


def _entry(entry: pb.LoadBalancerIngress, kind: str) -> Object:
    try:
        ip = str(parse_address(entry.ip))
    except ConfigError as error:
        raise ConfigError(f"ingress: {error}") from error
    if kind == "Ingress":
        return {"ip": ip}
    if entry.ip_mode not in _IP_MODES:
        raise ConfigError(f"ingress: ip_mode {entry.ip_mode!r} is none: VIP or Proxy")
    return {"ip": ip, "ipMode": entry.ip_mode}
