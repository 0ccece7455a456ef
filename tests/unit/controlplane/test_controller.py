"""The loop around reconciling, and what keeps loops alive."""

import asyncio
import contextlib
import logging

from controlplane.api.errors import conflict
from controlplane.controllers.controller import Controller
from controlplane.controllers.run import supervise


class Flaky(Controller):
    name = "flaky"

    def __init__(self, errors):
        super().__init__()
        self.errors = list(errors)
        self.done = asyncio.Event()

    async def reconcile(self, key):
        if self.errors:
            raise self.errors.pop(0)
        self.done.set()


async def run_until_done(controller):
    task = asyncio.ensure_future(controller.run())
    async with asyncio.timeout(5):
        await controller.done.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_failure_is_one_line_and_is_retried(caplog):
    controller = Flaky([ValueError("broken")])
    controller.queue.add(("default", "web"))
    with caplog.at_level(logging.WARNING):
        await run_until_done(controller)
    (record,) = caplog.records
    assert record.getMessage() == (
        "flaky: default/web failed: ValueError: broken (again in 0.005 s)"
    )
    assert record.exc_info is None


async def test_lost_races_are_retried_in_silence(caplog):
    controller = Flaky([conflict("pods", "p")])
    controller.queue.add("x")
    await run_until_done(controller)
    assert caplog.records == []


async def test_what_dies_is_started_again(caplog):
    lives = []
    alive = asyncio.Event()

    async def run():
        lives.append(1)
        if len(lives) == 1:
            raise RuntimeError("once")
        alive.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(supervise("thing", run))
    async with asyncio.timeout(5):
        await alive.wait()
    task.cancel()
    assert "thing failed: RuntimeError: once" in caplog.text
