"""`python -m kubehop.local ORDER`: what `kubehop up` starts to run one cluster."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import sys
from typing import TYPE_CHECKING

from kubehop.local.boot import become_init
from kubehop.local.launch import LaunchEvent, LaunchOrder
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from kubehop.local.paths import ClusterPaths


def main() -> int:
    """0 when the cluster was ended, 1 when it could not be started and the command told why."""
    order = LaunchOrder.decode(sys.argv[1])
    for descriptor in (order.lifeline, order.lock):
        os.set_inheritable(descriptor, False)  # the cluster's programs must not hold them open
    try:
        become_init(lambda pid: LaunchEvent("pid", pid).send(order.lifeline))
        _log_to_file(order.paths)
        os.chdir(order.paths.directory)
        from kubehop.local.supervisor import supervise

        asyncio.run(supervise(order))
    except KubehopError as error:
        LaunchEvent("error", str(error)).send(order.lifeline)
        return 1
    except Exception as error:
        logging.getLogger(__name__).exception("the supervisor failed")
        LaunchEvent("error", _innermost(error)).send(order.lifeline)
        return 1
    return 0


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _log_to_file(paths: ClusterPaths) -> None:
    paths.logs.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        paths.log("supervisor"), maxBytes=1 << 20, backupCount=1
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
