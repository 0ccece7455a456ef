import asyncio

from controlplane.api.extensions.timeorder import HOLD_S, TimeOrder


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


async def test_lines_of_two_nodes_come_by_their_time():
    clock = Clock()
    order = TimeOrder(clock)
    await order.put(3, b"c")
    await order.put(1, b"a")
    assert await order.take() == []
    clock.now = HOLD_S / 2
    await order.put(2, b"b")
    await order.put(9, b"z")
    clock.now = HOLD_S
    assert await order.take() == [b"a", b"b", b"c"]
    assert order.filled.is_set()
    assert await order.take(everything=True) == [b"z"]
    assert not order.filled.is_set()


async def test_equal_times_keep_their_order():
    order = TimeOrder(Clock())
    for line in (b"b", b"a", b"c"):
        await order.put(1, line)
    assert await order.take(everything=True) == [b"b", b"a", b"c"]


async def test_who_puts_waits_for_room():
    order = TimeOrder(Clock(), max_bytes=3)
    await order.put(1, b"123")
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(order.put(2, b"4"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        assert await order.take(everything=True) == [b"123"]
    assert await order.take(everything=True) == [b"4"]
