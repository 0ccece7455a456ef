"""Which backend gets the next connection."""

from netcore.service.frontend import Backend, Frontend


def select_round_robin(frontend: Frontend, turn: int) -> Backend | None:
    """The backend whose turn it is; None when there is none. `turn` counts connections."""
    if not frontend.backends:
        return None
    return frontend.backends[turn % len(frontend.backends)]
