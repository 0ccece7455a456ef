"""`python -m kubehop.local ORDER`: what `kubehop up` starts to run one cluster."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import os
import sys
from typing import TYPE_CHECKING

from kubehop.local.boot import become_init
from kubehop.local.cleanup import remove_files
from kubehop.local.identity import ProcessIdentity
from kubehop.local.launch import LaunchEvent, LaunchOrder
from kubehop.local.locking import cluster_lock
from kubehop.local.record import ClusterRecord, load_record, save_record
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from kubehop.local.paths import ClusterPaths


def main() -> int:
    """0 when the cluster was ended, 1 when it could not be started and the command told why.

    All files of the cluster are made by this process: the command may be killed at any moment,
    and the lifeline's end makes this one take away what it has made.
    """
    order = LaunchOrder.decode(sys.argv[1])
    os.set_inheritable(order.lifeline, False)  # the cluster's programs must not hold it open
    adopted = False
    try:
        adopted = _run(order)
    except KubehopError as error:
        LaunchEvent("error", str(error)).send(order.lifeline)
        return 1
    except Exception as error:
        logging.getLogger(__name__).exception("the supervisor failed")
        LaunchEvent("error", _innermost(error)).send(order.lifeline)
        return 1
    finally:
        if not adopted:
            LaunchEvent("cleaned").send(order.lifeline)
    return 0


def _run(order: LaunchOrder) -> bool:
    """Whether the cluster was adopted; takes its files away when not."""
    adopted = False
    with contextlib.ExitStack() as claim:
        claim.enter_context(cluster_lock(order.paths))
        if load_record(order.paths).is_running:
            raise _runs_already(order.spec.name)
        remove_files(order.paths)  # what a killed cluster left
        try:
            _make_folder(order.paths)
            become_init(lambda pid: _record(order, pid))
            _log_to_file(order.paths)
            os.chdir(order.paths.directory)
            from kubehop.local.supervisor import supervise

            adopted = asyncio.run(supervise(order, adopted=claim.close))
        finally:
            if not adopted:
                remove_files(order.paths)
    return adopted


def _runs_already(name: str) -> KubehopError:
    return KubehopError(
        f'a cluster with the name "{name}" already runs: '
        f"end it (kubehop down --name {name}) or choose another --name"
    )


def _make_folder(paths: ClusterPaths) -> None:
    try:
        paths.logs.mkdir(mode=0o700, parents=True)
        paths.directory.chmod(0o700)
    except OSError as error:
        raise KubehopError(
            f"cannot keep the cluster's files in {paths.directory}: {error}"
        ) from error


def _record(order: LaunchOrder, pid: int) -> None:
    try:
        save_record(order.paths, ClusterRecord(ProcessIdentity.of(pid)))
    except ProcessLookupError:
        return  # it has ended already: it tells why, or its end is the lifeline's
    except OSError as error:
        text = f"cannot keep the cluster's files in {order.paths.directory}: {error}"
        LaunchEvent("error", text).send(order.lifeline)
        return
    LaunchEvent("recorded").send(order.lifeline)


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _log_to_file(paths: ClusterPaths) -> None:
    """Also what is written to the standard outputs, which were the command's until now."""
    with paths.log("supervisor").open("ab") as output:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(output.fileno(), stream.fileno())
    handler = logging.handlers.RotatingFileHandler(
        paths.log("supervisor"), maxBytes=1 << 20, backupCount=1
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
