"""One HTTP scenario for every kind of cluster: the shop of examples/."""

import re
import subprocess
from collections import Counter
from pathlib import Path

from tests.support.kubectl import Kubectl, wait_until

SHOP = Path(__file__).parents[2] / "examples" / "shop"


def deploy_shop(kubectl: Kubectl) -> None:
    """Apply the shop and wait until all of it is available."""
    kubectl("apply", "-f", str(SHOP))
    kubectl("rollout", "status", "deployment/frontend", "--timeout=60s")
    kubectl("rollout", "status", "deployment/backend", "--timeout=60s")
    wait_until(lambda: len(ready_endpoints(kubectl, "backend")) >= 2, "two backends serve")


def get_backend(kubectl: Kubectl, url: str = "http://backend") -> str:
    """The host name that answered one request from a frontend pod. Fails when none did."""
    body = kubectl("exec", "deploy/frontend", "--", "kubehop-http-get", url)
    found = re.search(r"^Hostname: (\S+)", body, re.MULTILINE)
    assert found is not None, body
    return found.group(1)


def try_backend(kubectl: Kubectl, url: str = "http://backend") -> subprocess.CompletedProcess[str]:
    """One request, whatever comes of it."""
    return kubectl.run("exec", "deploy/frontend", "--", "kubehop-http-get", "--timeout", "2", url)


def ready_endpoints(kubectl: Kubectl, service: str) -> set[str]:
    """The addresses that the Service's EndpointSlices call ready."""
    slices = kubectl.json("get", "endpointslices", "-l", f"kubernetes.io/service-name={service}")[
        "items"
    ]
    return {
        address
        for item in slices
        for endpoint in item.get("endpoints") or ()
        if endpoint["conditions"].get("ready", True)
        for address in endpoint["addresses"]
    }


def pods_of(kubectl: Kubectl, app: str) -> dict[str, dict[str, str]]:
    """Running pods by name: their `ip` and `node`."""
    items = kubectl.json("get", "pods", "-l", f"app={app}")["items"]
    return {
        item["metadata"]["name"]: {
            "ip": item["status"].get("podIP", ""),
            "node": item["spec"].get("nodeName", ""),
        }
        for item in items
        if item["status"].get("phase") == "Running" and "deletionTimestamp" not in item["metadata"]
    }


def check_shop(kubectl: Kubectl) -> None:
    """Requests by name, cluster IP and pod IP are answered, and every backend takes its turn."""
    backends = pods_of(kubectl, "backend")
    answers = Counter(get_backend(kubectl) for _ in range(2 * len(backends)))
    assert set(answers) == set(backends), answers
    assert max(answers.values()) - min(answers.values()) <= 1, answers
    cluster_ip = kubectl.json("get", "service", "backend")["spec"]["clusterIP"]
    assert get_backend(kubectl, f"http://{cluster_ip}") in backends
    for name, place in backends.items():
        assert get_backend(kubectl, f"http://{place['ip']}") == name
