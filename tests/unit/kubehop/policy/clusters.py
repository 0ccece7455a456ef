"""A cluster's answers for tests: objects by path, as an API server lists them."""

from ipaddress import ip_address

from kubehop.kubernetes.client import ApiError


class FakeApi:
    """Serves lists; the ConfigMap with the settings is there when `settings` are given."""

    def __init__(self, settings=None, **lists):
        self.settings, self.lists = settings, lists

    def get(self, path, parameters=None):
        name = path.rsplit("/", 1)[-1]
        if name == "kubehop-config" and self.settings is not None:
            return {"data": self.settings}
        if name in self.lists:
            return {"items": self.lists[name]}
        if "adminnetworkpolicies" in name or name == "kubehop-config":
            raise ApiError(404, "NotFound", "not there")
        return {"items": []}


def pod(name, ip, namespace="default", node="n1", ports=(), **labels):
    listed = [{"name": n, "containerPort": port} for n, port in ports]
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": name, "labels": labels},
        "spec": {"nodeName": node, "containers": [{"name": "m", "ports": listed}]},
        "status": {"phase": "Running", "podIPs": [{"ip": str(ip_address(ip))}]},
    }


def node(name, address):
    return {
        "metadata": {"name": name},
        "spec": {},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }


def namespace(name, **labels):
    return {"metadata": {"name": name, "labels": labels}}


def policy(name="web", space="default", **spec):
    return {
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": space},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}, **spec},
    }


def service(name, *ports):
    return {
        "metadata": {"namespace": "default", "name": name, "uid": name},
        "spec": {
            "clusterIPs": ["10.96.0.7"],
            "ports": [{"name": f"p{number}", "port": number} for number in ports],
        },
    }


def endpoint_slice(name, port, target, *addresses):
    return {
        "metadata": {
            "namespace": "default",
            "name": f"{name}-1",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"name": f"p{port}", "port": target, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address]} for address in addresses],
    }
