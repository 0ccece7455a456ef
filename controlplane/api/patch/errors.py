"""What the pure patch functions refuse. `entry` words it as a Status."""

from __future__ import annotations

from netcore.model.errors import KubehopError


class PatchError(KubehopError):
    """The patch itself is malformed: the client has to send another one."""


class UnprocessablePatch(KubehopError):
    """The patch is well-formed but does not fit the object, e.g. a `test` that is not so."""


class OversizedPatch(KubehopError):
    """The patch asks for more memory than an object may have."""
