"""Says of every network policy that it does nothing, where that is so.

With a network plugin that has no policies a real API server keeps them silently; whoever looks at
one here finds an Event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.strategies.network_policy import unenforced
from controlplane.controllers.recorder import involved

if TYPE_CHECKING:
    from controlplane.config import ClusterSettings
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]
RESOURCES = (
    "networkpolicies.networking.k8s.io",
    "adminnetworkpolicies.policy.networking.k8s.io",
    "baselineadminnetworkpolicies.policy.networking.k8s.io",
)


def report_unenforced(
    informers: Informers, recorder: EventRecorder, settings: ClusterSettings
) -> None:
    """Has an Event recorded for every policy that there is, and for every one that comes."""
    if settings.policy.enforced:
        return

    def changed(old: Object | None, new: Object | None) -> None:
        if old is None and new is not None:
            text = unenforced(settings.cni)
            recorder.record(involved(new), "Warning", "NotEnforced", text, f"cni-{settings.cni}")

    for resource in RESOURCES:
        informers.of(resource).subscribe(changed)
