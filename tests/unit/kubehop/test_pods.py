import pytest

from kubehop.kubernetes.pods import find_pod
from netcore.model.errors import ConfigError


class FakeApi:
    def get(self, path, parameters=None):
        if path.endswith("/deployments/web"):
            return {"spec": {"selector": {"matchLabels": {"app": "web", "tier": "x"}}}}
        assert path.endswith("/namespaces/shop/pods")
        assert parameters == {"labelSelector": "app=web,tier=x"}
        phases = {"web-1": "Pending", "web-2": "Running"}
        return {
            "items": [{"metadata": {"name": n}, "status": {"phase": p}} for n, p in phases.items()]
        }


@pytest.mark.parametrize("wanted", ["web-7", "pod/web-7", "po/web-7", "pods/web-7"])
def test_a_pod_is_itself(wanted):
    assert find_pod(FakeApi(), "shop", wanted) == "web-7"


@pytest.mark.parametrize("kind", ["deploy", "deployment", "deployments", "deployment.apps"])
def test_a_deployment_is_one_of_its_running_pods(kind):
    assert find_pod(FakeApi(), "shop", f"{kind}/web") == "web-2"


def test_other_kinds_are_refused():
    with pytest.raises(ConfigError, match="give a pod's name"):
        find_pod(FakeApi(), "shop", "svc/web")
