"""An agent without pods: it joins, follows the stream and says of every pod that it runs."""

import asyncio
import json
import time
from ipaddress import ip_network

import grpc.aio

from netcore.model.change import Manifest
from protos.convert import batch_from_pb
from protos.gen.v1 import controlplane_pb2 as pb
from protos.gen.v1 import controlplane_pb2_grpc as pb_grpc

TOPICS = (
    pb.TOPIC_NODES,
    pb.TOPIC_PODS,
    pb.TOPIC_SERVICES,
    pb.TOPIC_ENDPOINT_SLICES,
    pb.TOPIC_NAMESPACES,
    pb.TOPIC_MANIFESTS,
)


class MemberAgent:
    """`objects` is the state as streamed, by (type, key); `wait_for` waits on it."""

    def __init__(self, target, number=1, name="", instance_id="", ready=True):
        self.channel = grpc.aio.insecure_channel(target)
        self.stub = pb_grpc.ControlPlaneStub(self.channel)
        self.request = pb.RegisterRequest(
            role=pb.ROLE_NODE,
            name=name,
            instance_id=instance_id or f"machine-{number}",
            underlay_addresses=[f"172.18.0.{10 + number}"],
            rpc_port=7444,
            vtep_mac=f"02:00:00:00:00:{number:02x}",
            info=pb.NodeInfo(architecture="amd64", cpu_count=2, memory_bytes=1 << 30),
        )
        self.name = ""
        self.ready = ready
        self.runs_pods = True
        self.objects = {}
        self.batches = []
        self.first_batch_s = None
        self.changed = asyncio.Condition()
        self._next_ip = 2

    async def join(self):
        self.membership = await self.stub.Register(self.request)
        self.name = self.membership.name
        return self

    async def beat(self):
        await self.stub.Heartbeat(
            pb.HeartbeatRequest(
                name=self.name,
                role=pb.ROLE_NODE,
                instance_id=self.request.instance_id,
                ready=self.ready,
                applied_revision=self.batches[-1].revision if self.batches else 0,
            )
        )

    async def run(self, interval_s=1.0):
        """Beats and follows until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beats(interval_s))
            tasks.create_task(self.follow())

    async def _beats(self, interval_s):
        while True:
            await self.beat()
            await asyncio.sleep(interval_s)

    async def follow(self, epoch="", since=0):
        request = pb.WatchRequest(
            client_name=self.name,
            topics=TOPICS,
            node_name=self.name,
            epoch=epoch,
            since_revision=since,
        )
        began_s = time.monotonic()
        async for message in self.stub.Watch(request):
            if self.first_batch_s is None:
                self.first_batch_s = time.monotonic() - began_s
            await self._apply(batch_from_pb(message))

    async def _apply(self, batch):
        async with self.changed:
            self.batches.append(batch)
            if batch.reset:
                self.objects.clear()
            for change in batch.changes:
                key = (type(change.object).__name__, getattr(change.object, "key", None))
                if change.deleted:
                    self.objects.pop(key, None)
                else:
                    self.objects[key] = change.object
            self.changed.notify_all()
        for change in batch.changes:
            if isinstance(change.object, Manifest) and change.object.kind == "Pod":
                await self._pod(change)

    async def _pod(self, change):
        if change.deleted or not self.runs_pods:
            return
        pod = json.loads(change.object.json)
        if pod["metadata"].get("deletionTimestamp"):
            await self.report(pod, None, removed=True)
        elif pod.get("status", {}).get("phase") == "Pending":
            network = ip_network(self.membership.node.pod_cidrs[0])
            self._next_ip += 1
            await self.report(pod, running(str(network[self._next_ip])))

    async def report(self, pod, status, removed=False):
        """A report about a pod that is gone is refused with NOT_FOUND, as agents expect."""
        about = pod["metadata"]
        request = pb.ReportStatusRequest(
            node_name=self.name,
            pods=[
                pb.PodStatus(
                    namespace=about["namespace"],
                    name=about["name"],
                    uid=about["uid"],
                    status_json=json.dumps(status).encode() if status else b"",
                    removed=removed,
                )
            ],
        )
        try:
            await self.stub.ReportStatus(request)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise

    def of(self, kind):
        """The present objects of a model type, by its name."""
        return [obj for (name, _), obj in self.objects.items() if name == kind]

    async def wait_for(self, predicate, timeout_s=10):
        async with asyncio.timeout(timeout_s), self.changed:
            await self.changed.wait_for(predicate)

    async def close(self):
        await self.channel.close()


def running(ip, ready=True):
    """The status of a pod that runs."""
    said = "True" if ready else "False"
    return {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "hostIP": "172.18.0.11",
        "conditions": [
            {"type": "Initialized", "status": "True"},
            {"type": "Ready", "status": said},
            {"type": "ContainersReady", "status": said},
        ],
        "containerStatuses": [{"name": "c", "ready": ready, "restartCount": 0}],
    }
