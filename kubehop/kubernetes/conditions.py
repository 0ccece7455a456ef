"""What objects say of themselves in `status.conditions`."""

from typing import Any


def is_ready(thing: dict[str, Any]) -> bool:
    """Whether the object's condition Ready is True."""
    conditions = thing.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
