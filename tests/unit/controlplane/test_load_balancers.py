"""The cloud as the control plane sees it, over a real gRPC connection on loopback."""

import grpc
import grpc.aio
import pytest

from protos.gen.v1 import controlplane_pb2 as pb
from tests.support.member_agent import MemberAgent
from tests.unit.controlplane.running import cluster

INGRESS = "ingresses.networking.k8s.io"


def service(name="web"):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "web"}},
    }


def ingress(name="site"):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    }


def report(obj, *ips, mode="VIP", **changes):
    about = obj["metadata"]
    request = pb.ReportLoadBalancerRequest(
        kind=obj.get("kind") or "Service",
        namespace=about["namespace"],
        name=about["name"],
        uid=about["uid"],
        ingress=[pb.LoadBalancerIngress(ip=ip, ip_mode=mode) for ip in ips],
    )
    request.MergeFrom(pb.ReportLoadBalancerRequest(**changes))
    return request


def member(made):
    """One that has not said yet who it is."""
    agent = MemberAgent(made.target, 9)
    made.agents.append(agent)
    return agent


def cloud(made, instance="cloud-1"):
    agent = member(made)
    agent.request.CopyFrom(
        pb.RegisterRequest(
            role=pb.ROLE_LOAD_BALANCER,
            name="cloudlb",
            instance_id=instance,
            underlay_addresses=["172.18.0.5"],
        )
    )
    return agent


async def refused(call, code):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code
    return caught.value.details()


async def test_a_load_balancer_registers_and_is_no_node():
    async with cluster() as made:
        agent = await cloud(made).join()
        assert agent.name == "cloudlb"
        assert list(agent.membership.config.service_cidrs) == ["10.96.0.0/16"]
        assert await made.items("nodes") == []
        await agent.stub.Heartbeat(
            pb.HeartbeatRequest(
                name=agent.name,
                role=pb.ROLE_LOAD_BALANCER,
                instance_id="cloud-1",
                ready=True,
            )
        )


async def test_the_addresses_of_a_service_are_in_its_status():
    async with cluster() as made:
        stub = member(made).stub
        obj = await made.create("services", service())
        await stub.ReportLoadBalancer(report(obj, "172.18.255.1", "fd00::1"))
        found = await made.get("services", "web")
        assert found["status"]["loadBalancer"] == {
            "ingress": [
                {"ip": "172.18.255.1", "ipMode": "VIP"},
                {"ip": "fd00::1", "ipMode": "VIP"},
            ]
        }
        assert found["spec"] == obj["spec"]
        await stub.ReportLoadBalancer(report(obj, "172.18.255.2", mode="Proxy"))
        found = await made.get("services", "web")
        entries = found["status"]["loadBalancer"]["ingress"]
        assert entries == [{"ip": "172.18.255.2", "ipMode": "Proxy"}]
        await stub.ReportLoadBalancer(report(obj))
        found = await made.get("services", "web")
        assert found["status"]["loadBalancer"] == {}


async def test_the_addresses_of_an_ingress_have_no_mode():
    async with cluster() as made:
        stub = member(made).stub
        obj = {**await made.create(INGRESS, ingress()), "kind": "Ingress"}
        await stub.ReportLoadBalancer(report(obj, "172.18.255.1", mode=""))
        found = await made.get(INGRESS, "site")
        assert found["status"]["loadBalancer"] == {"ingress": [{"ip": "172.18.255.1"}]}
        assert found["spec"] == obj["spec"]


async def test_another_object_of_the_name_is_left_alone():
    async with cluster() as made:
        stub = member(made).stub
        obj = await made.create("services", service())
        other = report(obj, "172.18.255.1", uid="another")
        message = await refused(stub.ReportLoadBalancer(other), grpc.StatusCode.NOT_FOUND)
        assert message == "Service default/web no longer exists"
        assert (await made.get("services", "web"))["status"] == obj["status"]
        gone = report(obj, "172.18.255.1", name="gone")
        await refused(stub.ReportLoadBalancer(gone), grpc.StatusCode.NOT_FOUND)


@pytest.mark.parametrize(
    ("changes", "ip", "mode", "message"),
    [
        ({"kind": "Pod"}, "172.18.255.1", "VIP", "kind: 'Pod' has no load balancer"),
        ({}, "nonsense", "VIP", "ingress: 'nonsense' is not an IP address"),
        ({}, "", "VIP", "ingress: '' is not an IP address"),
        ({}, "172.18.255.1", "", "ingress: ip_mode '' is none: VIP or Proxy"),
        ({}, "172.18.255.1", "vip", "ingress: ip_mode 'vip' is none: VIP or Proxy"),
    ],
)
async def test_bad_reports_name_the_field_and_change_nothing(changes, ip, mode, message):
    async with cluster() as made:
        stub = member(made).stub
        obj = await made.create("services", service())
        call = stub.ReportLoadBalancer(report(obj, ip, mode=mode, **changes))
        assert message in await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
        assert await made.get("services", "web") == obj
