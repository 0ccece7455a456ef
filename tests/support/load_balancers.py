"""Services of type LoadBalancer and an Ingress in front of two agnhost pods."""

import subprocess
from collections.abc import Sequence
from typing import Any

import yaml

from tests.support.kubectl import Kubectl, wait_until
from tests.support.shop import ready_endpoints

APP = "behind"
HOST = "shop.test"
_APPLICATION = {"kubehop.dev/load-balancer-type": "application"}
_PORT = {"name": "http", "port": 80, "targetPort": 8080}


def service(name: str, kind: str = "LoadBalancer", **fields: Any) -> dict[str, Any]:
    """A Service in front of the pods; `annotations` and fields of its spec as given."""
    about = {"name": name, "annotations": fields.pop("annotations", {})}
    spec = {"type": kind, "selector": {"app": APP}, "ports": [_PORT], **fields}
    return {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": spec}


def manifests() -> list[dict[str, Any]]:
    """Two pods; Services of both kinds; an Ingress to one with and one without node ports."""
    container = {
        "name": "web",
        "image": "agnhost:2.53",
        "args": ["netexec", "--http-port=8080", "--udp-port=8080"],
        "readinessProbe": {"httpGet": {"port": 8080}, "periodSeconds": 1},
    }
    template = {
        "metadata": {"labels": {"app": APP}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    paths = [
        {"path": path, "pathType": "Prefix", "backend": {"service": {"name": to, "port": port}}}
        for path, to, port in (
            ("/", "inside", {"name": "http"}),
            ("/hostname", "app", {"number": 80}),
        )
    ]
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": APP},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": APP}},
                "template": template,
            },
        },
        service(
            "net",
            ports=[_PORT, {"name": "udp", "port": 90, "targetPort": 8080, "protocol": "UDP"}],
        ),
        service("local", externalTrafficPolicy="Local"),
        service("app", annotations=_APPLICATION),
        service("inside", "ClusterIP"),
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "shop"},
            "spec": {"rules": [{"host": HOST, "http": {"paths": paths}}]},
        },
    ]


def deploy(kubectl: Kubectl) -> None:
    """All of it serves."""
    kubectl.apply(yaml.safe_dump_all(manifests()))
    kubectl("rollout", "status", f"deployment/{APP}", "--timeout=60s")
    wait_until(lambda: len(ready_endpoints(kubectl, "net")) == 2, "both pods serve")
    for name in ("net", "local", "app"):
        wait_until(lambda of=name: address_of(kubectl, "service", of), f"{name} has an address")
    wait_until(lambda: address_of(kubectl, "ingress", "shop"), "the Ingress has an address")


def address_of(kubectl: Kubectl, kind: str, name: str) -> str:
    """The first address of its status, '' for none."""
    status = kubectl.json("get", kind, name).get("status") or {}
    entries = (status.get("loadBalancer") or {}).get("ingress") or [{}]
    return str(entries[0].get("ip", ""))


def fetch(curl: Sequence[str], url: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What curl says and prints, given how it is run."""
    command = [*curl, "-sS", "--fail", "--noproxy", "*", "--max-time", "5", *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def answer(curl: Sequence[str], url: str, *options: str) -> str:
    """The body. Retries until somebody answers: health checks take their time."""
    found: list[str] = []

    def ask() -> bool:
        done = fetch(curl, url, *options)
        found.append(done.stdout)
        return done.returncode == 0

    wait_until(ask, f"{url} answers")
    return found[-1]


def headers_seen(curl: Sequence[str], url: str, *options: str) -> dict[str, str]:
    """The request's header fields as the pod got them (agnhost's /header?key=)."""
    names = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Host")
    seen = {name: answer(curl, f"{url}/header?key={name}", *options) for name in names}
    return {name: value.strip() for name, value in seen.items()}


def events_of(kubectl: Kubectl, name: str) -> list[tuple[str, str]]:
    """Reason and message of each Event about the Service."""
    selector = f"involvedObject.kind=Service,involvedObject.name={name}"
    items = kubectl.json("get", "events", "--field-selector", selector)["items"]
    return [(item["reason"], item["message"]) for item in items]
