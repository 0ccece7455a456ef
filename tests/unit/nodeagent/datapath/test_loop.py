import os
import threading
from collections.abc import Iterator

import pytest

from nodeagent.datapath.userspace.loop import PacketLoop

WAIT_S = 5


class Pipe:
    """A descriptor that becomes readable when told to."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.seen: list[bytes] = []
        self.drained = threading.Event()

    def drain(self) -> None:
        self.seen.append(os.read(self.reading, 100))
        self.drained.set()

    def close(self) -> None:
        os.close(self.reading)
        os.close(self.writing)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def ticks() -> list[float]:
    return []


@pytest.fixture
def loop(ticks: list[float]) -> Iterator[PacketLoop]:
    made = PacketLoop(ticks.append)
    made.start()
    yield made
    made.stop()


def test_a_readable_descriptor_is_drained(loop, pipe):
    loop.call(lambda: loop.add(pipe.reading, pipe.drain))
    os.write(pipe.writing, b"frame")
    assert pipe.drained.wait(WAIT_S)
    assert pipe.seen == [b"frame"]


def test_what_is_added_before_the_start_is_drained_too(ticks, pipe):
    loop = PacketLoop(ticks.append)
    loop.add(pipe.reading, pipe.drain)
    os.write(pipe.writing, b"early")
    loop.start()
    assert pipe.drained.wait(WAIT_S)
    loop.stop()


def test_a_removed_descriptor_is_left_alone(loop, pipe):
    loop.call(lambda: loop.add(pipe.reading, pipe.drain))
    loop.call(lambda: loop.remove(pipe.reading))
    loop.call(lambda: loop.remove(pipe.reading))
    os.write(pipe.writing, b"frame")
    loop.call(lambda: None)
    loop.call(lambda: None)
    assert pipe.seen == []


def test_calls_run_in_the_loops_thread_one_after_the_other(loop):
    names: list[str] = []
    loop.call(lambda: names.append(threading.current_thread().name))
    assert names == ["datapath"]


def test_what_a_call_raises_is_raised_where_it_was_made(loop):
    with pytest.raises(ZeroDivisionError):
        loop.call(lambda: 1 // 0)
    loop.call(lambda: None)


def test_a_call_may_make_a_call(loop):
    done: list[int] = []
    loop.call(lambda: loop.call(lambda: done.append(1)))
    assert done == [1]


def test_calls_before_the_start_and_after_the_end_run_at_once(ticks):
    done: list[int] = []
    loop = PacketLoop(ticks.append)
    loop.call(lambda: done.append(1))
    loop.start()
    loop.stop()
    loop.call(lambda: done.append(2))
    assert done == [1, 2]


def test_one_bad_packet_does_not_end_the_nodes_network(loop, pipe, caplog):
    def fail() -> None:
        pipe.drain()
        raise ValueError("bad packet")

    loop.call(lambda: loop.add(pipe.reading, fail))
    for data in (b"1", b"2"):
        os.write(pipe.writing, data)
        assert pipe.drained.wait(WAIT_S)
        pipe.drained.clear()
    loop.call(lambda: None)
    assert "the datapath failed on a packet" in caplog.text


def test_it_ticks(monkeypatch):
    monkeypatch.setattr("nodeagent.datapath.userspace.loop._TICK_S", 0.005)
    ticked = threading.Event()
    loop = PacketLoop(lambda now: ticked.set())
    loop.start()
    assert ticked.wait(WAIT_S)
    loop.stop()


def test_its_time_is_that_of_its_clock():
    told = threading.Event()
    times = iter((1000.0,))
    loop = PacketLoop(lambda now: now == 4600.0 and told.set(), lambda: next(times, 4600.0))
    loop.start()
    loop.call(lambda: None)
    assert told.wait(WAIT_S)
    loop.stop()


def test_a_loop_that_never_ran_can_be_stopped(ticks):
    PacketLoop(ticks.append).stop()
