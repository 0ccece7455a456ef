"""Real nginx pods behind a node port, and what a real curl gets from there in each proxy mode."""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.support.kubectl import Kubectl, wait_until
from tests.support.shop import pods_of, ready_endpoints

NODE_PORT = 30080
MODES = ("iptables", "ipvs", "nftables", "ebpf")
_LABEL = "kubehop.dev/proxy-mode"
_ASKED = 20
_TABLES = {
    "iptables": "*nat",
    "ipvs": "IP Virtual Server",
    "nftables": "table ip kube-proxy",
    "ebpf": "SERVICE ADDRESS",
}
"""What the tool of each mode prints, and no other one does."""

_MANIFEST = f"""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: nginx
spec:
  replicas: 2
  selector: {{matchLabels: {{app: nginx}}}}
  template:
    metadata: {{labels: {{app: nginx}}}}
    spec:
      containers:
        - name: nginx
          image: nginx
          command:
            - /bin/sh
            - -c
            - |
              cd "$(mktemp -d)"
              cat > nginx.conf <<'CONF'
              daemon off;
              pid nginx.pid;
              error_log stderr;
              events {{}}
              http {{
                access_log off;
                client_body_temp_path body;
                proxy_temp_path proxy;
                fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi;
                scgi_temp_path scgi;
                server {{
                  listen 80;
                  location / {{ return 200 "$hostname $nginx_version"; }}
                }}
              }}
              CONF
              exec /usr/sbin/nginx -p . -c nginx.conf
          readinessProbe: {{httpGet: {{port: 80}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: nginx}}
spec:
  type: NodePort
  selector: {{app: nginx}}
  ports: [{{port: 80, nodePort: {NODE_PORT}}}]
"""


@contextmanager
def nginx_deployed(kubectl: Kubectl) -> Iterator[None]:
    """Two nginx pods serve; afterwards they are gone, and all nodes have the cluster's mode."""
    kubectl.apply(_MANIFEST)
    try:
        kubectl("rollout", "status", "deployment/nginx", "--timeout=60s")
        wait_until(lambda: len(ready_endpoints(kubectl, "nginx")) == 2, "both nginx serve")
        yield
    finally:
        kubectl("delete", "deployment/nginx", "service/nginx")
        kubectl("label", "nodes", "--all", f"{_LABEL}-")


def check_nginx(
    kubectl: Kubectl, mode: str, curl: Sequence[str], proxy_table: Callable[[str], str]
) -> None:
    """Every node is made to be of this mode, and then leads whoever comes by its port to both pods.

    `curl` is the command as it is run outside of the nodes, `proxy_table` gives what
    `kubehop node NODE dump --table proxy` prints.
    """
    kubectl("label", "nodes", "--all", "--overwrite", f"{_LABEL}={mode}")
    pods = set(pods_of(kubectl, "nginx"))
    for node, address in _nodes(kubectl):
        wait_until(lambda at=node: _TABLES[mode] in proxy_table(at), f"{node} is of mode {mode}")
        url = f"http://{address}:{NODE_PORT}/"
        answers = Counter(_get(curl, url) for _ in range(_ASKED))
        assert set(answers) == pods, (mode, node, answers)
        if mode == "ipvs":
            assert set(answers.values()) == {_ASKED // 2}, answers


def _nodes(kubectl: Kubectl) -> Iterator[tuple[str, str]]:
    for node in kubectl.json("get", "nodes")["items"]:
        for address in node["status"]["addresses"]:
            if address["type"] == "InternalIP":
                yield node["metadata"]["name"], address["address"]


def _get(curl: Sequence[str], url: str) -> str:
    """The name of the pod that answered."""
    done = subprocess.run(
        [*curl, "-sS", "--fail", "--noproxy", "*", "--max-time", "10", url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"curl {url}: {done.stderr}"
    name, version = done.stdout.split()
    assert version.count(".") == 2, done.stdout
    return name
