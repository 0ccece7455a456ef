"""What the pods report, on its way to the control plane."""

import json
from typing import Any

from nodeagent.pods.interfaces import PodRef
from nodeagent.rpc.client import ControlPlaneClient, EventReport, PodStatusReport


class RpcReporter:
    """Implements nodeagent.pods.interfaces.PodReporter."""

    def __init__(self, client: ControlPlaneClient) -> None:
        self._client = client

    def status_changed(
        self, namespace: str, name: str, uid: str, status: dict[str, Any], removed: bool
    ) -> None:
        encoded = json.dumps(status, separators=(",", ":")).encode()
        self._client.report_status(PodStatusReport(namespace, name, uid, encoded, removed))

    def event(self, pod: PodRef, type: str, reason: str, message: str, field_path: str) -> None:
        self._client.report_event(
            EventReport("Pod", pod.namespace, pod.name, pod.uid, type, reason, message, field_path)
        )
