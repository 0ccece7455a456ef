import asyncio

from netcore.pipeline.verdict import ToHost
from nodeagent.datapath.base import Observation
from nodeagent.rpc.handover import Handover, Missed


class CountingLoop:
    """Takes wake-ups, and runs them when it is told to."""

    def __init__(self):
        self.waiting = []

    def call_soon_threadsafe(self, action):
        self.waiting.append(action)

    def run(self):
        actions, self.waiting = self.waiting, []
        for action in actions:
            action()


def seen(number: int) -> Observation:
    return Observation(number, "host", "", (), ToHost())


async def test_observations_come_in_their_order():
    handover = Handover(asyncio.get_running_loop())
    for number in range(3):
        await asyncio.to_thread(handover.put, seen(number))
    assert [(await handover.next()).time_ns for _ in range(3)] == [0, 1, 2]


async def test_a_reader_that_waits_is_woken():
    handover = Handover(asyncio.get_running_loop())
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(handover.next())
        await asyncio.sleep(0)
        await asyncio.to_thread(handover.put, seen(1))
    assert waiting.result() == seen(1)


async def test_what_was_missed_is_told_once_the_reader_has_caught_up():
    handover = Handover(asyncio.get_running_loop(), capacity=2)
    for number in range(5):
        handover.put(seen(number))
    assert [await handover.next() for _ in range(3)] == [seen(0), seen(1), Missed(3)]
    for number in range(3):
        handover.put(seen(number))
    assert [await handover.next() for _ in range(3)] == [seen(0), seen(1), Missed(1)]


async def test_a_busy_loop_has_one_wake_up_waiting():
    loop = CountingLoop()
    handover = Handover(loop, capacity=10)
    for number in range(100):
        handover.put(seen(number))
    assert len(loop.waiting) == 1
    loop.run()
    await handover.next()
    handover.put(seen(101))
    assert len(loop.waiting) == 1
