import asyncio
from dataclasses import replace

import pytest

from netcore.model.errors import DatapathError
from netcore.pipeline.context import FromPod
from netcore.pipeline.snapshot import Snapshot, empty_snapshot
from nodeagent.agent import Agent
from nodeagent.datapath.base import PodPort
from nodeagent.datapath.fake.datapath import FakeDatapath
from tests.support.cluster import CONFIG, batch, node, pod
from tests.support.frames import POD, POD6, POD_MAC
from tests.support.pods import eventually

WEB = pod("web-1", 1, 2)
PORT = PodPort("uid-web-1", "default/web-1", 7, POD_MAC, (POD, POD6))


class StubbornDatapath(FakeDatapath):
    """Refuses snapshots while `refusal` says why."""

    refusal = ""

    def apply(self, snapshot: Snapshot) -> None:
        if self.refusal:
            raise DatapathError("apply", "tables", self.refusal)
        super().apply(snapshot)


@pytest.fixture
def agent() -> Agent:
    start = empty_snapshot(CONFIG, node(1))
    return Agent(start, StubbornDatapath(start), clock=lambda: 5.0)


# Network state.


def test_a_batch_becomes_the_snapshot_and_is_applied(agent):
    agent.receive(batch(WEB, revision=12))
    assert agent.position == ("epoch", 12)
    assert agent.snapshot.pods[WEB.key] == WEB
    assert agent.datapath.snapshots[-1] is agent.snapshot
    assert agent.node_name == "node1"


def test_ready_once_the_first_state_is_whole(agent):
    assert agent.readiness == (False, "waiting for the first network state")
    agent.receive(batch(WEB))
    assert not agent.became_ready.is_set()
    agent.receive(batch(synced=True))
    assert agent.readiness == (True, "")
    assert agent.became_ready.is_set()


def test_a_failed_apply_is_the_nodes_status_until_one_succeeds(agent, caplog):
    agent.datapath.refusal = "out of memory"
    agent.receive(batch(synced=True, revision=3))
    agent.receive(batch(revision=4))
    assert agent.readiness == (False, "apply tables: out of memory")
    assert not agent.became_ready.is_set()
    assert (agent.snapshot.revision, agent.applied_revision) == (4, 0)
    assert [record.getMessage() for record in caplog.records] == [
        "the datapath did not take revision 3: apply tables: out of memory"
    ]
    agent.datapath.refusal = ""
    agent.receive(batch(revision=5))
    assert agent.readiness == (True, "")
    assert agent.became_ready.is_set()
    assert agent.applied_revision == 5
    agent.datapath.refusal = "again"
    agent.receive(batch(revision=6))
    assert not agent.became_ready.is_set(), "or heartbeats would not wait for their turn"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("nodeagent.agent._RETRY_S", 0.001)
    monkeypatch.setattr("nodeagent.agent._RESYNC_S", 0.005)


async def run_until(agent: Agent, condition) -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(agent.keep_applied())
        await eventually(condition)
        keeping.cancel()


@pytest.mark.usefixtures("quick")
async def test_a_failed_apply_is_tried_again(agent):
    agent.datapath.refusal = "busy"
    agent.receive(batch(synced=True))
    attempts = 0

    def relents() -> bool:
        nonlocal attempts
        attempts += 1
        if attempts == 5:
            agent.datapath.refusal = ""
        return agent.readiness[0]

    await run_until(agent, relents)
    assert agent.datapath.snapshots[-1] is agent.snapshot
    assert agent.became_ready.is_set()


@pytest.mark.usefixtures("quick")
async def test_from_time_to_time_all_is_applied_again(agent):
    applied = len(agent.datapath.snapshots)
    await run_until(agent, lambda: len(agent.datapath.snapshots) >= applied + 2)


# Ports.


def test_an_attached_pod_is_reachable_before_the_control_plane_says_so(agent):
    agent.add_port(WEB, PORT)
    assert agent.datapath.ports == {"uid-web-1": PORT}
    assert agent.snapshot.pods_by_ip[POD] == WEB
    (local,) = agent.ports()
    assert agent.local_port("default", "web-1") is local
    assert (local.name, local.ips, local.mac) == ("default/web-1", (POD, POD6), POD_MAC)
    assert local.ingress == FromPod((POD, POD6), POD_MAC)
    assert agent.local_port("default", "other") is None


def test_an_attached_pod_survives_batches_that_do_not_know_it(agent):
    agent.add_port(WEB, PORT)
    agent.receive(batch(CONFIG, node(1), reset=True, synced=True, revision=9))
    assert agent.snapshot.pods_by_ip[POD] == WEB
    assert agent.position == ("epoch", 9)


def test_what_the_control_plane_knows_of_a_pod_is_kept(agent):
    agent.add_port(WEB, PORT)
    labelled = replace(WEB, labels={"app": "web"})
    agent.receive(batch(labelled))
    assert agent.snapshot.pods_by_ip[POD] == labelled


def test_a_detached_pod_is_forgotten_at_once(agent):
    agent.add_port(WEB, PORT)
    agent.remove_port("uid-web-1")
    agent.remove_port("uid-web-1")
    assert agent.datapath.ports == {}
    assert agent.snapshot.pods == {}
    assert agent.ports() == ()


def test_a_successor_of_the_same_name_stays(agent):
    agent.add_port(WEB, PORT)
    agent.receive(batch(replace(WEB, uid="uid-2")))
    agent.remove_port("uid-web-1")
    assert agent.snapshot.pods[WEB.key].uid == "uid-2"


def test_a_refused_attachment_leaves_no_trace(agent):
    agent.add_port(WEB, PORT)
    with pytest.raises(DatapathError, match="already attached"):
        agent.add_port(WEB, PORT)
    assert len(agent.ports()) == 1
