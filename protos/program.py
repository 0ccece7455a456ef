"""The life of a program that is a member of the cluster: from its start to a signal."""

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine, Iterable
from typing import Any

from netcore.model.errors import KubehopError, first_error


def run_program(name: str, serving: Coroutine[Any, Any, None]) -> int:
    """Run `serving` to its end, logging to standard error.

    The exit code: 0, or 1 after one line that says which KubehopError ended it.
    """
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        asyncio.run(serving)
    except KubehopError as error:
        return _fail(name, error)
    except BaseExceptionGroup as errors:
        failures = errors.subgroup(KubehopError)
        if failures is None:
            raise
        return _fail(name, first_error(failures))
    return 0


async def until_stopped(services: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run these side by side until SIGTERM or SIGINT, or until one of them fails."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(service) for service in services]
        await stop.wait()
        for task in tasks:
            task.cancel()


def _fail(name: str, error: BaseException) -> int:
    print(f"{name}: {error}", file=sys.stderr)
    return 1
