"""Hashes of pod templates: what labels and names of revisions are made of. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from controlplane.api.metadata import NAME_ALPHABET

Object = dict[str, Any]


def template_hash(template: Object, collisions: int = 0) -> str:
    """Up to ten letters, equal for equal templates."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")) + str(collisions or "")
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return "".join(NAME_ALPHABET[int(digit)] for digit in str(number))
