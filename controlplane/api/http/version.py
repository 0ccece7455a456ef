"""What the server says it is."""

from __future__ import annotations

import platform
from typing import Any

GIT_VERSION = "v1.33.0+kubehop"
"""The API that is served is Kubernetes 1.33's: clients choose their behaviour by this."""
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def version_document(build: str) -> dict[str, Any]:
    """`/version`."""
    machine = platform.machine()
    return {
        "major": "1",
        "minor": "33",
        "gitVersion": GIT_VERSION,
        "gitCommit": build,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"none (Python {platform.python_version()})",
        "compiler": "cpython",
        "platform": f"linux/{_MACHINES.get(machine, machine)}",
    }
