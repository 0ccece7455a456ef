"""Everything that a request is checked by, together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from controlplane.api.access.authorizer import AlwaysAllow, Authorizer

if TYPE_CHECKING:
    from controlplane.api.access.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Access:
    """Without `tokens` there are none: bearers are unknown, none can be asked for."""

    authorizer: Authorizer = field(default_factory=AlwaysAllow)
    tokens: Tokens | None = None
