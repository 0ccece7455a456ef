"""The message that a container leaves when it ends (terminationMessagePath and -Policy)."""

from pathlib import Path
from typing import Final

from nodeagent.pods.interfaces import Manifest
from nodeagent.pods.logfile import LogQuery, last_entries

MESSAGE_MAX_BYTES: Final = 4096
LOG_MAX_BYTES: Final = 2048
LOG_MAX_LINES: Final = 80


def termination_message(container: Manifest, file: Path, log: Path, code: int) -> str:
    """From the file, or, where that is the policy and it failed, the end of its log."""
    try:
        with file.open("rb") as stream:
            message = stream.read(MESSAGE_MAX_BYTES)
    except OSError:
        message = b""
    wants_log = container.get("terminationMessagePolicy") == "FallbackToLogsOnError"
    if not message and wants_log and code != 0:
        entries = last_entries(log, LogQuery(tail_lines=LOG_MAX_LINES))
        message = b"".join(entry.content for entry in entries)[-LOG_MAX_BYTES:]
    return message.decode(errors="replace")
