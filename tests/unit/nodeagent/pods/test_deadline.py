"""How long a pod may be active."""

import asyncio
from types import SimpleNamespace

from nodeagent.pods.deadline import deadline_exceeded, expired_status

START = "2030-01-01T12:00:00Z"
START_S = 1893499200


class ManualClock:
    """Waiting is what makes time pass."""

    def __init__(self, now_s=START_S):
        self.now_s = now_s
        self.waits = []
        self.then = lambda: None

    def wall_ns(self):
        return int(self.now_s * 1e9)

    async def wait(self, event, timeout_s):
        self.waits.append(timeout_s)
        self.now_s += timeout_s
        self.then()
        return event.is_set()


def pod(limit, clock):
    spec = {} if limit is None else {"activeDeadlineSeconds": limit}
    return SimpleNamespace(manifest={"spec": spec}, clock=clock, stopping=asyncio.Event())


async def test_it_ends_on_time():
    clock = ManualClock()
    assert await deadline_exceeded(pod(12, clock), START)
    assert clock.waits == [5.0, 5.0, 2.0]


async def test_after_a_restart_of_the_agent_only_the_rest_is_left():
    clock = ManualClock(START_S + 20)
    assert await deadline_exceeded(pod(12, clock), START)
    assert clock.waits == []


async def test_a_shorter_deadline_is_noticed():
    clock = ManualClock()
    changing = pod(100, clock)
    clock.then = lambda: changing.manifest["spec"].update(activeDeadlineSeconds=6)
    assert await deadline_exceeded(changing, START)
    assert clock.waits == [5.0, 1.0]


async def test_a_pod_that_stops_has_no_deadline():
    stopping = pod(None, ManualClock())
    stopping.stopping.set()
    assert not await deadline_exceeded(stopping, START)
    clock = ManualClock()
    later = pod(12, clock)
    clock.then = later.stopping.set
    assert not await deadline_exceeded(later, START)


def test_the_status_says_why():
    assert expired_status({"phase": "Running", "podIP": "10.0.0.1"}) == {
        "phase": "Failed",
        "reason": "DeadlineExceeded",
        "message": "Pod was active on the node longer than the specified deadline",
        "podIP": "10.0.0.1",
    }
