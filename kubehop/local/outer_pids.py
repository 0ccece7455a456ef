"""Processes of a cluster by the pids that they have outside of its PID namespace."""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")


def outer_pids(supervisor: int) -> dict[int, int]:
    """Inner pid -> ours, of the supervisor's children; without those that end meanwhile.

    `supervisor` is a pid of ours. Source: proc_pid_status(5), NSpid.
    """
    try:
        children = (_PROC / f"{supervisor}/task/{supervisor}/children").read_text().split()
    except OSError:
        return {}
    found = {}
    for child in map(int, children):
        try:
            status = (_PROC / f"{child}/status").read_text()
        except OSError:
            continue
        line = next((x for x in status.splitlines() if x.startswith("NSpid:")), "")
        pids = line.split()[1:]
        if pids:
            found[int(pids[-1])] = child
    return found
