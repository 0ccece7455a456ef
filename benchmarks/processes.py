"""The processes of a cluster, and what each takes."""

import os
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_KIB_PER_MB = 1024


def cluster_processes(name: str) -> dict[int, str]:
    """The cluster's supervisor and all processes below it, with their command lines."""
    commands: dict[int, str] = {}
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                stat = (entry / "stat").read_text().rpartition(")")[2]
            except OSError:
                continue  # it has just ended
            commands[int(entry.name)] = text
            parents[int(entry.name)] = int(stat.split()[1])
    marks = (f"/{name}/", f'/{name}"')
    found = {pid for pid, text in commands.items() if any(mark in text for mark in marks)}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: commands[pid] for pid in found}


def cpu_ticks(pid: int) -> int:
    """Processor time of a process so far, in TICKS_PER_S; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def resident_mb(pid: int) -> float:
    """All memory that a process has in use, what it shares with others included."""
    return _field(Path(f"/proc/{pid}/status"), "VmRSS")


def proportional_mb(pid: int) -> float:
    """A process's own memory and its share of what several share (PSS)."""
    return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss")


def _field(path: Path, name: str) -> float:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0.0
    found = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(next(found, "0")) / _KIB_PER_MB
