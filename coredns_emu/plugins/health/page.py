"""The `health` plugin: whether the process lives."""


def health() -> tuple[int, str]:
    """200 OK: whoever can answer at all is alive."""
    return 200, "OK"
