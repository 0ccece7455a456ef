import pytest

from netcore.model.errors import ConfigError
from nodeagent.pods.downward import PodFacts
from nodeagent.pods.environment import container_environment
from nodeagent.pods.interfaces import PodKey
from nodeagent.pods.references import MissingReference, References
from tests.support.pods import container, node_facts, pod_manifest

REFERENCES = References(
    {PodKey("default", "cm"): {"data": {"K": "v", "bad name": "x"}}},
    {PodKey("default", "s"): {"data": {"P": "aHVudGVyMg=="}}},
)


@pytest.fixture
def environment(tmp_path):
    facts = PodFacts(pod_manifest("p"), node_facts(tmp_path), ("10.0.0.5", "fd00::5"))
    return lambda **fields: container_environment(container(**fields), facts, REFERENCES, "p")


def test_every_container_has_path_hostname_home(environment):
    env = environment()
    assert env["HOSTNAME"] == "p"
    assert env["HOME"] == "/root"
    assert env["PATH"].startswith("/opt/kubehop/bin:")


def test_earlier_variables_are_expanded_later_ones_not(environment):
    env = environment(
        env=[
            {"name": "A", "value": "$(B)"},
            {"name": "B", "value": "b"},
            {"name": "C", "value": "$(B)$$(B)"},
        ]
    )
    assert (env["A"], env["C"]) == ("$(B)", "b$(B)")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "p"),
        ("metadata.namespace", "default"),
        ("metadata.uid", "uid-p"),
        ("spec.nodeName", "kubehop-worker"),
        ("status.podIP", "10.0.0.5"),
        ("status.podIPs", "10.0.0.5,fd00::5"),
        ("status.hostIP", "172.18.0.11"),
        ("metadata.labels['none']", ""),
    ],
)
def test_field_references(environment, path, value):
    env = environment(env=[{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}])
    assert env["X"] == value


def test_unknown_field_is_an_error(environment):
    with pytest.raises(ConfigError, match=r"fieldPath: status\.nope"):
        environment(env=[{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "status.nope"}}}])


def test_keys_of_configmaps_and_secrets(environment):
    env = environment(
        env=[
            {"name": "K", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "K"}}},
            {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "P"}}},
            {
                "name": "O",
                "valueFrom": {"secretKeyRef": {"name": "no", "key": "P", "optional": True}},
            },
        ]
    )
    assert (env["K"], env["P"]) == ("v", "hunter2")
    assert "O" not in env


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"configMapKeyRef": {"name": "no", "key": "K"}}, 'configmap "no" not found'),
        ({"secretKeyRef": {"name": "s", "key": "Q"}}, "couldn't find key Q in Secret default/s"),
    ],
)
def test_what_is_missing_is_named(environment, reference, message):
    with pytest.raises(MissingReference, match=message):
        environment(env=[{"name": "X", "valueFrom": reference}])


def test_env_from_takes_valid_names_with_prefix(environment):
    env = environment(
        envFrom=[
            {"prefix": "X_", "configMapRef": {"name": "cm"}},
            {"secretRef": {"name": "no", "optional": True}},
        ]
    )
    assert env["X_K"] == "v"
    assert not any("bad" in name for name in env)


def test_resources_are_divided_and_rounded_up(environment):
    resources = {"limits": {"cpu": "1500m", "memory": "64Mi"}}

    def value(resource, **more):
        reference = {"resourceFieldRef": {"resource": resource, **more}}
        env = environment(resources=resources, env=[{"name": "X", "valueFrom": reference}])
        return env["X"]

    # The container of the pod's manifest is `main`, which has no limits: the node's size.
    assert int(value("limits.cpu")) >= 1
    assert value("requests.memory", divisor="1Mi") == "0"
