import asyncio

from netcore.pipeline.verdict import ToHost
from nodeagent.datapath.sightings import CapturedFrame
from nodeagent.rpc.capture_queue import MAX_BATCH_FRAMES, CaptureQueue


def seen(number: int, size: int = 10, place: str = "host") -> CapturedFrame:
    return CapturedFrame(number, place, True, bytes(size), size, number, ToHost(), ())


def make(**limits) -> CaptureQueue:
    return CaptureQueue(asyncio.get_running_loop(), **limits)


async def test_frames_come_in_their_order_in_batches():
    queue = make()
    for number in range(MAX_BATCH_FRAMES + 1):
        queue.put(seen(number))
    first, dropped = await queue.batch()
    assert [each.time_ns for each in first] == list(range(MAX_BATCH_FRAMES))
    assert dropped == {}
    assert await queue.batch() == ([seen(MAX_BATCH_FRAMES)], {})


async def test_a_reader_that_waits_is_woken():
    queue = make()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(queue.batch())
        await asyncio.sleep(0)
        await asyncio.to_thread(queue.put, seen(1))
    assert waiting.result() == ([seen(1)], {})


async def test_what_does_not_fit_is_counted_by_place_and_told_once():
    queue = make(max_frames=2)
    for number, place in enumerate(["host", "vxlan", "vxlan", "host", "vxlan"]):
        queue.put(seen(number, place=place))
    frames, dropped = await queue.batch()
    assert len(frames) == 2
    assert dropped == {"vxlan": 2, "host": 1}
    queue.put(seen(9))
    assert await queue.batch() == ([seen(9)], {})


async def test_bytes_are_bounded_too_and_free_again_when_read():
    queue = make(max_bytes=100)
    for number in range(3):
        queue.put(seen(number, size=50))
    assert await queue.batch() == ([seen(0, 50), seen(1, 50)], {"host": 1})
    queue.put(seen(4, size=100))
    assert await queue.batch() == ([seen(4, 100)], {})
