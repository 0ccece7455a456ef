"""Captured frames for tests, and the tools that read them."""

import subprocess
from pathlib import Path

from netcore.capture.pcapng import (
    CapturedPacket,
    enhanced_packet,
    interface_description,
    section_header,
)


def capture_file(path: Path, frames, comment: str = "", snap_bytes: int = 262_144) -> Path:
    """A pcapng file of one interface with these frames, a millisecond apart."""
    blocks = [section_header("tests"), interface_description("eth0", "", snap_bytes=snap_bytes)]
    blocks += [
        enhanced_packet(
            CapturedPacket(0, number * 1_000_000, bytes(frame[:snap_bytes]), len(frame), True,
                           comment)
        )
        for number, frame in enumerate(frames)
    ]  # fmt: skip
    path.write_bytes(b"".join(blocks))
    return path


def tshark(path: Path, *fields: str, only: str = "") -> list[tuple[str, ...]]:
    """The fields of each frame; checksums are verified."""
    checked = [part for name in ("ip", "tcp", "udp")
               for part in ("-o", f"{name}.check_checksum:TRUE")]  # fmt: skip
    wanted = [part for field in fields for part in ("-e", field)]
    chosen = ("-Y", only) if only else ()
    done = subprocess.run(
        ["tshark", "-n", *checked, "-r", path, "-T", "fields", *wanted, *chosen],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


def tcpdump_times(path: Path, *wanted: str) -> list[int]:
    """Which frames of a `capture_file` tcpdump's filter takes."""
    done = subprocess.run(
        ["tcpdump", "-n", "-tt", "-q", "-r", path, *wanted],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [round(float(line.split()[0]) * 1000) for line in done.stdout.splitlines()]
