"""Every pod of a Job is counted once, whenever the control plane goes down in between."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.api.errors import StatusError
from controlplane.api.strategies.registry import strategies
from controlplane.controllers.informer import Informers
from controlplane.controllers.job import JobController
from tests.unit.controlplane.support import job, make_client

JOBS = "jobs.batch"
KEY = ("default", "job")


class PowerCut(Exception):
    """The control plane is gone."""


class Failing:
    """A client whose writes fail from the n-th on."""

    def __init__(self, client, writes):
        self._client = client
        self._left = writes
        self.registry = client.registry

    def __getattr__(self, name):
        call = getattr(self._client, name)
        if name not in ("create", "patch", "delete", "update"):
            return call

        async def write(*arguments, **options):
            if self._left == 0:
                raise PowerCut
            self._left -= 1
            return await call(*arguments, **options)

        return write


class Recorder:
    def record(self, *_):
        """Events are not what this is about."""


async def look(client, now):
    """One look at the Job by a controller that knows nothing of what was before."""
    controller = JobController(client, Informers(client), Recorder(), now)
    try:
        await controller.reconcile(KEY)
    finally:
        controller.queue.close()


def running(pods):
    return [
        p
        for p in pods
        if p["status"].get("phase") == "Pending" and not p["metadata"].get("deletionTimestamp")
    ]


async def end(client, pod, phase):
    stamp = "2030-01-01T00:00:00Z"
    ended = {"exitCode": int(phase == "Failed"), "finishedAt": stamp}
    status = {
        "phase": phase,
        "containerStatuses": [{"name": "c", "state": {"terminated": ended}}],
    }
    name = pod["metadata"]["name"]
    await client.patch(
        "pods", name, lambda p: p.update(status=status), "default", subresource="status"
    )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("look"), st.one_of(st.none(), st.integers(0, 12))),
        st.tuples(st.sampled_from(("Succeeded", "Failed", "delete")), st.integers(0, 5)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_each_pod_counts_once(steps, completions, parallelism, indexed):
    asyncio.run(story(steps, completions, parallelism, indexed))


async def story(steps, completions, parallelism, indexed):
    client = await make_client(strategies())
    clock = client.registry.now
    mode = {"completionMode": "Indexed"} if indexed else {}
    await client.create(
        JOBS, job(completions=completions, parallelism=parallelism, backoffLimit=1000, **mode)
    )
    ends = {"Succeeded": 0, "Failed": 0}
    for step, value in steps:
        clock.advance(1000)
        if step == "look":
            try:
                await look(client if value is None else Failing(client, value), clock)
            except (PowerCut, StatusError):
                continue
            continue
        pods, _ = await client.list("pods", "default")
        if not running(pods):
            continue
        pod = running(pods)[value % len(running(pods))]
        if step == "delete":
            await client.delete("pods", pod["metadata"]["name"], "default")
            ends["Failed"] += 1
        else:
            await end(client, pod, step)
            ends[step] += 1
    for _ in range(6):
        clock.advance(1000)
        await look(client, clock)
    status = (await client.get(JOBS, "job", "default"))["status"]
    pods, _ = await client.list("pods", "default")
    assert status["uncountedTerminatedPods"] == {}
    assert status.get("failed", 0) == ends["Failed"]
    assert status.get("succeeded", 0) == ends["Succeeded"]
    assert status.get("active", 0) == len(running(pods)) <= parallelism
    done = ends["Succeeded"] >= completions
    finished = {c["type"] for c in status["conditions"]} if done else set()
    assert ("Complete" in finished) == done
