"""A container's log on disk in the CRI format, bounded by rotation, and how to read it back.

A line is `TIME STREAM TAG CONTENT`: RFC 3339 time in nanoseconds, `stdout` or `stderr`, `F` for
a full line or `P` for a part of one that goes on.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

LINE_MAX_BYTES: Final = 16 * 1024
FILE_MAX_BYTES: Final = 10 * 1024 * 1024
_READ_BYTES: Final = 256 * 1024


class LogEntry(NamedTuple):
    """One line of a log file. `content` has its newline unless it is a part."""

    time_text: bytes
    content: bytes


@dataclass(frozen=True)
class LogQuery:
    """Which part of a log: the last `tail_lines` (-1: all) not older than `since_ns`."""

    tail_lines: int = -1
    since_ns: int = 0
    timestamps: bool = False
    follow: bool = False
    limit_bytes: int = 0


def format_time(wall_ns: int) -> bytes:
    """Fixed width, hence comparable as bytes."""
    seconds, rest = divmod(wall_ns, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{rest:09d}Z".encode()


def parse_entry(line: bytes) -> LogEntry | None:
    """An entry of a line with its newline, or None when it is none."""
    parts = line.split(b" ", 3)
    if len(parts) != 4 or not line.endswith(b"\n"):
        return None
    content = parts[3] if parts[2] == b"F" else parts[3][:-1]
    return LogEntry(parts[0], content)


class ContainerLog:
    """Writer of one container attempt's log; readers may follow it meanwhile.

    At most two files of `max_bytes` stay on disk.
    """

    def __init__(self, path: Path, max_bytes: int = FILE_MAX_BYTES) -> None:
        self.path = path
        self.closed = False
        self._max_bytes = max_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._size = self._file.tell()
        self._partial: dict[str, bytes] = {}
        self._waiters: set[asyncio.Future[None]] = set()

    def write(self, stream: str, data: bytes, wall_ns: int) -> None:
        """Add what a container wrote; a line without its end waits for the rest."""
        *lines, rest = (self._partial.pop(stream, b"") + data).split(b"\n")
        head = format_time(wall_ns) + b" " + stream.encode()
        output = bytearray()
        for line in lines:
            output += _full_line(head, line)
        while len(rest) > LINE_MAX_BYTES:
            output += head + b" P " + rest[:LINE_MAX_BYTES] + b"\n"
            rest = rest[LINE_MAX_BYTES:]
        if rest:
            self._partial[stream] = rest
        if output:
            self._append(bytes(output))

    def close(self, wall_ns: int) -> None:
        """Flush unfinished lines and end the followers. Idempotent."""
        if self.closed:
            return
        for stream, rest in self._partial.items():
            self._append(format_time(wall_ns) + f" {stream} P ".encode() + rest + b"\n")
        self._partial.clear()
        self.closed = True
        self._file.close()
        self._wake()

    def _append(self, output: bytes) -> None:
        if self._size and self._size + len(output) > self._max_bytes:
            self._file.close()
            os.replace(self.path, rotated(self.path))
            self._file = self.path.open("ab", buffering=0)
            self._size = 0
        self._file.write(output)
        self._size += len(output)
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def changed(self) -> None:
        """Returns when something was written or the log was closed."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)


def _full_line(head: bytes, line: bytes) -> bytes:
    output = bytearray()
    while len(line) > LINE_MAX_BYTES:
        output += head + b" P " + line[:LINE_MAX_BYTES] + b"\n"
        line = line[LINE_MAX_BYTES:]
    output += head + b" F " + line + b"\n"
    return bytes(output)


def rotated(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _entries(path: Path, until_bytes: int | None) -> Iterator[LogEntry]:
    try:
        with path.open("rb") as stream:
            for line in stream:
                if until_bytes is not None and stream.tell() > until_bytes:
                    return
                entry = parse_entry(line)
                if entry is not None:
                    yield entry
    except FileNotFoundError:
        return


def last_entries(path: Path, query: LogQuery, until_bytes: int | None = None) -> list[LogEntry]:
    """What is on disk now, oldest first, of the newest file only `until_bytes`. Blocking."""
    since = format_time(query.since_ns)
    found: deque[LogEntry] = deque()
    lines = 0
    for file, end in ((rotated(path), None), (path, until_bytes)):
        for entry in _entries(file, end):
            if entry.time_text < since:
                continue
            found.append(entry)
            lines += entry.content.endswith(b"\n")
            while query.tail_lines >= 0 and lines > query.tail_lines:
                lines -= found.popleft().content.endswith(b"\n")
    return list(found) if query.tail_lines else []


def render(entries: list[LogEntry], *, timestamps: bool, at_line_start: bool) -> bytes:
    """The entries as a client reads them; a time only where a line begins."""
    output = bytearray()
    for entry in entries:
        if timestamps and at_line_start:
            output += entry.time_text + b" "
        output += entry.content
        at_line_start = entry.content.endswith(b"\n")
    return bytes(output)


async def read_log(path: Path, log: ContainerLog | None, query: LogQuery) -> AsyncIterator[bytes]:
    """Portions of a log. With `follow` until `log` is closed; `log` None: nobody writes it."""
    budget = query.limit_bytes or None
    follower = _Follower(path) if query.follow and log is not None else None
    try:
        entries = await asyncio.to_thread(
            last_entries, path, query, follower.position if follower is not None else None
        )
        at_line_start = True
        while True:
            data = render(entries, timestamps=query.timestamps, at_line_start=at_line_start)
            if entries:
                at_line_start = entries[-1].content.endswith(b"\n")
            if budget is not None:
                data, budget = data[:budget], budget - len(data)
            for start in range(0, len(data), _READ_BYTES):
                yield data[start : start + _READ_BYTES]
            if follower is None or log is None or (budget is not None and budget <= 0):
                return
            entries = follower.read()
            while not entries:
                if log.closed:
                    return
                await log.changed()
                entries = follower.read()
    finally:
        if follower is not None:
            follower.close()


class _Follower:
    """Reads on from where the file ended, also over a rotation."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        self.position = self._file.seek(0, os.SEEK_END)

    def read(self) -> list[LogEntry]:
        entries = self._read_file()
        if not entries and self._is_rotated():
            self._file.close()
            self._file = self._path.open("rb")
            entries = self._read_file()
        return entries

    def _read_file(self) -> list[LogEntry]:
        lines = self._file.readlines(_READ_BYTES)
        return [entry for entry in map(parse_entry, lines) if entry is not None]

    def _is_rotated(self) -> bool:
        try:
            return os.stat(self._path).st_ino != os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            return False

    def close(self) -> None:
        self._file.close()
