"""The report of an error that nobody foresaw."""

import sys
import tempfile
import traceback


def write_report(error: Exception) -> str:
    """The path of a new file with the command line and the traceback."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="kubehop-error-", suffix=".log", delete=False
    ) as file:
        file.write(f"command: {' '.join(sys.argv)}\npython: {sys.version}\n\n")
        file.write("".join(traceback.format_exception(error)))
    return file.name
