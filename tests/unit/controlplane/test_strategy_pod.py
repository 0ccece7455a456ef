"""Pods through the real registry."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.strategies.pod_defaults import pull_policy, qos_class
from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.support import Clock, make_client


def pod(name="p", container=None, **spec):
    containers = [{"name": "c", "image": "nginx", **(container or {})}]
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": containers, **spec},
    }


async def make():
    return await make_client(strategies())


async def refusal(obj):
    client = await make()
    with pytest.raises(StatusError) as caught:
        await client.create("pods", obj)
    assert (await client.list("pods"))[0] == []
    return caught.value.message


async def test_defaults_and_admission():
    made = await (await make()).create("pods", pod())
    spec, container = made["spec"], made["spec"]["containers"][0]
    assert spec["restartPolicy"] == "Always"
    assert spec["dnsPolicy"] == "ClusterFirst"
    assert spec["terminationGracePeriodSeconds"] == 30
    assert spec["schedulerName"] == "default-scheduler"
    assert spec["enableServiceLinks"] is True
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "default"
    assert container["imagePullPolicy"] == "Always"
    assert container["resources"] == {}
    assert {t["key"]: t["tolerationSeconds"] for t in spec["tolerations"]} == {
        "node.kubernetes.io/not-ready": 30,
        "node.kubernetes.io/unreachable": 30,
    }
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


async def test_own_tolerations_are_not_doubled():
    everything = [{"operator": "Exists"}]
    made = await (await make()).create("pods", pod(tolerations=everything))
    assert made["spec"]["tolerations"] == everything


async def test_probe_port_volume_and_env_defaults():
    container = {
        "ports": [{"containerPort": 80}],
        "readinessProbe": {"httpGet": {"port": 80}},
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "resources": {"limits": {"cpu": "1"}},
    }
    volumes = [{"name": "a"}, {"name": "b", "configMap": {"name": "x"}}]
    made = await (await make()).create("pods", pod(container=container, volumes=volumes))
    stored = made["spec"]["containers"][0]
    assert stored["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert stored["readinessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert stored["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert stored["resources"]["requests"] == {"cpu": "1"}
    assert made["spec"]["volumes"][0]["emptyDir"] == {}
    assert made["spec"]["volumes"][1]["configMap"]["defaultMode"] == 420
    assert made["status"]["qosClass"] == "Burstable"


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1", "IfNotPresent"),
        ("host:5000/nginx", "Always"),
        ("host:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:00", "IfNotPresent"),
    ],
)
def test_pull_policy(image, policy):
    assert pull_policy(image) == policy


def test_guaranteed():
    amounts = {"cpu": "1", "memory": "1Gi"}
    resources = {"limits": amounts, "requests": amounts}
    assert qos_class({"containers": [{"resources": resources}]}) == "Guaranteed"


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (pod() | {"spec": {}}, 'Pod "p" is invalid: spec.containers: Required value'),
        (pod() | {"spec": {"containers": "x"}}, "spec.containers: Required value"),
        (pod(container={"name": ""}), "spec.containers[0].name: Required value"),
        (pod(container={"name": "A_b"}), 'spec.containers[0].name: Invalid value: "A_b"'),
        (pod(container={"image": ""}), "spec.containers[0].image: Required value"),
        (
            pod(containers=[{"name": "c", "image": "i"}] * 2),
            'spec.containers[1].name: Duplicate value: "c"',
        ),
        (
            pod(container={"ports": [{"containerPort": 70000}]}),
            "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 "
            "and 65535, inclusive",
        ),
        (
            pod(container={"ports": [{"containerPort": 1, "name": "a"}] * 2}),
            'spec.containers[0].ports[1].name: Duplicate value: "a"',
        ),
        (
            pod(container={"ports": [{"containerPort": 1, "protocol": "X"}]}),
            'spec.containers[0].ports[0].protocol: Unsupported value: "X": supported values: '
            '"SCTP", "TCP", "UDP"',
        ),
        (
            pod(container={"volumeMounts": [{"name": "v", "mountPath": "/x"}]}),
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ),
        (
            pod(container={"readinessProbe": {}}),
            "spec.containers[0].readinessProbe: Required value: must specify a handler type",
        ),
        (
            pod(
                container={"livenessProbe": {"tcpSocket": {"port": 1}, "exec": {"command": ["a"]}}}
            ),
            "livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        (
            pod(container={"livenessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 2}}),
            "livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        (pod(restartPolicy="Sometimes"), 'spec.restartPolicy: Unsupported value: "Sometimes"'),
        (pod(dnsPolicy="None"), "spec.dnsConfig.nameservers: Required value"),
        (
            pod(dnsConfig={"options": [{"value": "1"}]}),
            "spec.dnsConfig.options[0]: Required value: must not be empty",
        ),
        (
            pod(dnsConfig={"nameservers": ["1.1.1.1\noptions x"]}),
            "spec.dnsConfig.nameservers[0]: Invalid value",
        ),
        (pod(dnsConfig={"searches": ["a b"]}), "spec.dnsConfig.searches[0]: Invalid value"),
        (pod(hostAliases=[{"ip": "x"}]), "spec.hostAliases[0].ip: Invalid value"),
        (
            pod(hostAliases=[{"ip": "1.1.1.1", "hostnames": ["a\nb"]}]),
            "spec.hostAliases[0].hostnames[0]: Invalid value",
        ),
        (pod(hostname="A.b"), 'spec.hostname: Invalid value: "A.b"'),
        (pod(terminationGracePeriodSeconds=-1), "must be greater than or equal to 0"),
        (pod(tolerations=[{"key": "k", "operator": "X"}]), 'operator: Unsupported value: "X"'),
        (
            pod(container={"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1500m"}}}),
            'Invalid value: "1500m": must be less than or equal to cpu limit of 1',
        ),
        (pod(container={"env": [{"name": ""}]}), "spec.containers[0].env[0].name: Required value"),
    ],
)
async def test_refusals(obj, message):
    assert message in await refusal(obj)


async def test_the_spec_is_immutable_but_for_images():
    client = await make()
    await client.create("pods", pod())

    def image(current):
        current["spec"]["containers"][0]["image"] = "nginx:2"

    def hostname(current):
        current["spec"]["hostname"] = "x"

    def more(current):
        current["spec"]["tolerations"].append({"operator": "Exists"})

    def fewer(current):
        current["spec"]["tolerations"].pop()

    for change in (image, more):
        await client.patch("pods", "p", change, "default")
    for change in (hostname, fewer):
        with pytest.raises(StatusError, match="pod updates may not change fields other than"):
            await client.patch("pods", "p", change, "default")


async def test_only_a_binding_gives_a_node():
    client = await make()
    await client.create("pods", pod())

    def bind(current):
        current["spec"]["nodeName"] = "n1"

    with pytest.raises(StatusError, match="pod updates may not change"):
        await client.patch("pods", "p", bind, "default")
    bound = await client.patch("pods", "p", bind, "default", subresource="binding")
    assert bound["spec"]["nodeName"] == "n1"


async def test_graceful_deletion_is_for_pods_that_run():
    client = await make_client(strategies(), Clock())
    await client.create("pods", pod("free"))
    await client.delete("pods", "free", "default")
    await client.create("pods", pod("bound", nodeName="n1"))
    going = await client.delete("pods", "bound", "default")
    assert going["metadata"]["deletionGracePeriodSeconds"] == 30
    assert going["metadata"]["deletionTimestamp"] == "2030-01-01T00:00:30Z"
    pods, _ = await client.list("pods")
    assert [p["metadata"]["name"] for p in pods] == ["bound"]
    await client.delete("pods", "bound", "default", grace_period_seconds=0)
    assert (await client.list("pods"))[0] == []


async def test_the_qos_class_stays():
    client = await make()
    await client.create("pods", pod())
    stored = await client.patch(
        "pods", "p", lambda p: p.update(status={"phase": "Running"}), "default",
        subresource="status",
    )  # fmt: skip
    assert stored["status"] == {"phase": "Running", "qosClass": "BestEffort"}
