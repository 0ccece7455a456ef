"""Says of every HorizontalPodAutoscaler that it does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.strategies.autoscaler import WITHOUT_EFFECT
from controlplane.controllers.recorder import involved

if TYPE_CHECKING:
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]
RESOURCE = "horizontalpodautoscalers.autoscaling"


def report_inert_autoscalers(informers: Informers, recorder: EventRecorder) -> None:
    """Has an Event recorded for every one that there is, and for every one that comes."""

    def changed(old: Object | None, new: Object | None) -> None:
        if old is None and new is not None:
            text = f"kubehop keeps this HorizontalPodAutoscaler, but {WITHOUT_EFFECT}"
            about = involved(new)
            recorder.record(about, "Warning", "Inert", text, "horizontal-pod-autoscaler")

    informers.of(RESOURCE).subscribe(changed)
