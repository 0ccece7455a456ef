"""Starting one program of the cluster."""

import os
import signal
from collections.abc import Sequence

from kubehop.local.commands import FIRST_INHERITED, Command
from kubehop.local.netns import run_in_netns

_MANAGED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE)


def spawn(command: Command, netns: int | None, inherited: Sequence[int], output: int) -> int:
    """The pid of the started program.

    It runs in `netns` (None: the caller's), reads nothing, writes both outputs to `output` and
    has `inherited` as descriptors 3, 4, ... Raises OSError when it cannot be started.
    """

    def start() -> int:
        # posix_spawn's child has the network namespace of the thread that calls it.
        return os.posix_spawn(
            command.arguments[0],
            command.arguments,
            {**os.environ, "PYTHONUNBUFFERED": "1"},
            file_actions=_file_actions(inherited, output),
            setpgroup=0,
            setsigmask=(),
            setsigdef=_MANAGED,
        )

    return start() if netns is None else run_in_netns(netns, start)


def _file_actions(inherited: Sequence[int], output: int) -> list[tuple[int, ...]]:
    """Sources first move out of the way of the numbers that are to be filled."""
    parked = max(output, *inherited, FIRST_INHERITED + len(inherited)) + 2
    actions: list[tuple[int, ...]] = [(os.POSIX_SPAWN_DUP2, output, parked - 1)]
    for offset, source in enumerate(inherited):
        actions.append((os.POSIX_SPAWN_DUP2, source, parked + offset))
    actions.append((os.POSIX_SPAWN_DUP2, parked - 1, 1))
    actions.append((os.POSIX_SPAWN_DUP2, parked - 1, 2))
    actions.append((os.POSIX_SPAWN_CLOSE, parked - 1))
    for offset in range(len(inherited)):
        actions.append((os.POSIX_SPAWN_DUP2, parked + offset, FIRST_INHERITED + offset))
        actions.append((os.POSIX_SPAWN_CLOSE, parked + offset))
    return actions
