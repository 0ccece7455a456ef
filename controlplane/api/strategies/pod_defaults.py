"""Defaults of PodSpecs, in Pods and in templates. Source: pkg/apis/core/v1/defaults.go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.strategies.tree import child, children, grow, set_default

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_FILE_MODE = 0o644
_TOKEN_S = 3600
_PROBE_DEFAULTS = {
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
_VOLUMES_WITH_MODE = ("configMap", "secret", "projected", "downwardAPI")


def default_pod_spec(spec: Object) -> None:
    """Fills in what holds for a Pod and for a template alike. Idempotent."""
    set_default(spec, "restartPolicy", "Always")
    set_default(spec, "dnsPolicy", "ClusterFirst")
    set_default(spec, "schedulerName", "default-scheduler")
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    grow(spec, "securityContext")
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    for field in CONTAINER_LISTS:
        for container in children(spec, field):
            _default_container(container, host_network=spec.get("hostNetwork") is True)
    for volume in children(spec, "volumes"):
        _default_volume(volume)


def default_pod(pod: Object) -> None:
    """Fills in a Pod: its spec, service links, requests from limits, the QoS class."""
    spec = grow(pod, "spec")
    default_pod_spec(spec)
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True
    for field in ("initContainers", "containers"):
        for container in children(spec, field):
            _default_requests(container)


def _default_container(container: Object, *, host_network: bool) -> None:
    set_default(container, "imagePullPolicy", pull_policy(str(container.get("image", ""))))
    set_default(container, "terminationMessagePath", "/dev/termination-log")
    set_default(container, "terminationMessagePolicy", "File")
    grow(container, "resources")
    for port in children(container, "ports"):
        set_default(port, "protocol", "TCP")
        if host_network and not port.get("hostPort") and port.get("containerPort"):
            port["hostPort"] = port["containerPort"]
    for probe in PROBES:
        if isinstance(container.get(probe), dict):
            _default_probe(container[probe])
    for hook in child(container, "lifecycle").values():
        if isinstance(hook, dict):
            _default_http_get(hook)
    for variable in children(container, "env"):
        reference = child(variable, "valueFrom", "fieldRef")
        set_default(reference, "apiVersion", "v1")


def pull_policy(image: str) -> str:
    """Always for images without a tag or with `latest`, else IfNotPresent."""
    name, _, digest = image.partition("@")
    _, colon, tag = name.rpartition("/")[2].partition(":")
    if digest or (colon and tag != "latest"):
        return "IfNotPresent"
    return "Always"


def _default_probe(probe: Object) -> None:
    for field, value in _PROBE_DEFAULTS.items():
        if not probe.get(field):
            probe[field] = value
    _default_http_get(probe)
    grpc = probe.get("grpc")
    if isinstance(grpc, dict) and grpc.get("service") is None:
        grpc["service"] = ""


def _default_http_get(handler: Object) -> None:
    http_get = handler.get("httpGet")
    if isinstance(http_get, dict):
        set_default(http_get, "path", "/")
        set_default(http_get, "scheme", "HTTP")


def _default_volume(volume: Object) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}
    for kind in _VOLUMES_WITH_MODE:
        source = volume.get(kind)
        if isinstance(source, dict) and source.get("defaultMode") is None:
            source["defaultMode"] = _FILE_MODE
    for downward in (child(volume, "downwardAPI"), *_sources(volume, "downwardAPI")):
        for item in children(downward, "items"):
            if isinstance(item.get("fieldRef"), dict):
                set_default(item["fieldRef"], "apiVersion", "v1")
    for token in _sources(volume, "serviceAccountToken"):
        if token.get("expirationSeconds") is None:
            token["expirationSeconds"] = _TOKEN_S
    host_path = volume.get("hostPath")
    if isinstance(host_path, dict) and host_path.get("type") is None:
        host_path["type"] = ""


def _sources(volume: Object, kind: str) -> list[Object]:
    sources = children(child(volume, "projected"), "sources")
    return [source[kind] for source in sources if isinstance(source.get(kind), dict)]


def _default_requests(container: Object) -> None:
    limits = child(container, "resources", "limits")
    if limits:
        requests = grow(container, "resources", "requests")
        for resource, quantity in limits.items():
            requests.setdefault(resource, quantity)


def qos_class(spec: Object) -> str:
    """BestEffort, Burstable or Guaranteed. Source: pkg/apis/core/v1/helper/qos."""
    containers = children(spec, "containers") + children(spec, "initContainers")
    resources = [child(container, "resources") for container in containers]
    if not any(_compute(r, kind) for r in resources for kind in ("requests", "limits")):
        return "BestEffort"
    for entry in resources:
        limits = _compute(entry, "limits")
        if set(limits) != {"cpu", "memory"} or _compute(entry, "requests") != limits:
            return "Burstable"
    return "Guaranteed"


def _compute(resources: Object, kind: str) -> dict[str, Any]:
    amounts = child(resources, kind)
    return {name: amounts[name] for name in ("cpu", "memory") if name in amounts}
