from pathlib import Path

import pytest

from kubehop.kubernetes import rollout
from kubehop.kubernetes.client import ApiError
from kubehop.testing.connection import ConnectionFailed
from netcore.model.errors import ConfigError, KubehopError
from tests.unit.kubehop.packetlines import SILENCE, at, dropped
from tests.unit.kubehop.testing.clusters import (
    DELIVERED,
    Api,
    fake_cluster,
    lines,
    pod_path,
    running_pod,
)

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
TEXT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
KINDS = {
    "resources": [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
        {"name": "pods", "kind": "Pod", "namespaced": True},
    ]
}
KUBECTL = """#!/bin/sh
echo "$KUBECONFIG $*"
cat
[ "$1" != bad ] || { echo no >&2; exit 1; }
"""
PODS = {pod_path("web"): running_pod("web"), pod_path("api", "shop"): running_pod("api", "shop")}
WHERE = "/api/v1/namespaces/{}/configmaps/c"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(rollout, "_POLL_S", 0)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "c.yaml").write_text(TEXT)
    return tmp_path


@pytest.fixture
def fake(monkeypatch):
    """The cluster of an API, with the pods web and shop/api."""

    def make(api, **more):
        api.objects |= PODS | {"/api/v1": KINDS}
        return fake_cluster(monkeypatch, api, **more)

    return make


@pytest.mark.parametrize("form", [str, Path, lambda folder: str(folder / "c.yaml")])
def test_manifests_are_files_and_folders(fake, folder, form):
    api = Api()
    [stored] = fake(api).apply(form(folder))
    assert stored["metadata"]["name"] == "c"
    assert api.asked[0] == ("apply", WHERE.format("default"))


@pytest.mark.parametrize(
    "given",
    [
        TEXT,
        '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
        CONFIG_MAP,
        [CONFIG_MAP],
        (each for each in [CONFIG_MAP]),
        {"apiVersion": "v1", "kind": "List", "items": [CONFIG_MAP]},
    ],
)
def test_manifests_are_text_and_objects(fake, given):
    api = Api()
    fake(api).apply(given, namespace="shop")
    assert api.asked[0] == ("apply", WHERE.format("shop"))


def test_what_is_applied_is_waited_for_and_said_when_it_does_not_come(fake):
    pod = running_pod("web")
    pod["status"] = {"phase": "Pending"}
    api = Api()
    cluster = fake(api)
    api.objects[pod_path("web")] = pod
    with pytest.raises(KubehopError, match="not ready after 0 s: pod web: it is Pending") as raised:
        cluster.apply(running_pod("web") | {"apiVersion": "v1"}, timeout_s=0)
    assert [entry.name for entry in raised.traceback][1:] == ["told"]


def test_what_is_deleted_is_waited_for(fake):
    api = Api()
    cluster = fake(api)
    api.objects[WHERE.format("default")] = CONFIG_MAP
    with pytest.raises(KubehopError, match="ConfigMap c is still there"):
        cluster.delete(TEXT, timeout_s=0)
    api.objects[WHERE.format("default")] = ApiError(404, "NotFound", "")
    cluster.delete(TEXT, timeout_s=0)
    assert ("delete", WHERE.format("default")) in api.asked


def test_a_connection_that_is_as_it_should_be(fake):
    fake(Api(packet_lines=DELIVERED)).assert_reachable("web", "10.96.0.7:80")
    stopped = fake(Api(packet_lines=lines(at(dropped(), 10), SILENCE)))
    stopped.assert_blocked("web", "10.96.0.7:80", by="default/deny")
    stopped.pod("web").assert_blocked("10.96.0.7:80")


def test_one_that_is_not_has_its_trace_and_its_explanation(fake):
    stopped = fake(Api(packet_lines=lines(at(dropped(), 10), SILENCE)))
    api = Api(packet_lines=DELIVERED)
    with pytest.raises(ConnectionFailed, match="web does not reach 10") as reach:
        stopped.assert_reachable("web", "10.244.9.9:80")
    api.objects["/api/v1/pods"] = {"items": [running_pod("web")]}
    with pytest.raises(ConnectionFailed, match="web reaches 10") as block:
        fake(api).assert_blocked("web", "10.244.9.9:80")
    assert "Dropped: the packet was dropped" in reach.value.trace
    assert reach.value.explanation == ""  # for want of a pod that could be judged
    assert "Delivered: " in block.value.trace
    assert block.value.explanation.startswith("default/web -> 10.244.9.9")


def test_ends_are_pods_of_the_namespace_default_unless_said(fake):
    api = Api(packet_lines=DELIVERED)
    fake(api).trace("web", "shop/api:80")
    [(_, source, target)] = api.asked
    assert source == {"pod": {"namespace": "default", "name": "web"}}
    assert target == {"host": "10.244.0.2", "port": 80, "protocol": "TCP"}


def test_a_url_is_where_it_leads_from_there(fake):
    api = Api(packet_lines=DELIVERED)
    fake(api).trace("shop/api", "https://web/index.html")
    [(_, _, target)] = api.asked
    assert target == {"host": "web", "port": 443, "protocol": "TCP"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("node/n1", "is no pod: commands run in pods"),
        ("outside", "is no pod"),
        ("a b", "not a name"),
    ],
)
def test_commands_run_in_pods_only(fake, name, message):
    with pytest.raises(ConfigError, match=message):
        fake(Api()).locate(name)


def test_requests_that_failed_are_kept_once_the_latest_only(fake):
    cluster = fake(Api(packet_lines=DELIVERED))
    pod = cluster.pod("shop/api")
    for number in (0, 1, 2, 3, 4, 1):
        cluster.remember_failure(pod, f"http://web:{number + 80}")
    found = cluster.take_failures()
    assert [url[-2:] for _, url in found] == ["82", "83", "84", "81"]
    assert cluster.take_failures() == []
    assert cluster.trace_request(*found[0]).reached


def test_the_name_in_a_url_is_for_the_pods_own_dns(fake):
    """Never a pod's name: that the URL does not mean."""
    api = Api(packet_lines=DELIVERED)
    cluster = fake(api)
    cluster.trace_request(cluster.pod("shop/api"), "http://web")
    [(_, source, target)] = api.asked
    assert source["pod"]["namespace"] == "shop"
    assert target == {"host": "web", "port": 80, "protocol": "TCP"}


def test_clients_outside_are_there_where_the_machine_is_the_clusters(fake):
    with pytest.raises(KubehopError, match="only a cluster that runs on this machine"):
        fake(Api()).outside()
    assert fake(Api(), outside=("env",)).outside().exec("true").exit_code == 0


def test_kubectl_is_given_the_kubeconfig_and_fails_in_its_words(fake, tmp_path, monkeypatch):
    program = tmp_path / "kubectl"
    program.write_text(
        '#!/bin/sh\necho "$KUBECONFIG $*"; cat; [ "$1" != bad ] || { echo no >&2; exit 1; }'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    cluster = fake(Api())
    assert cluster.kubectl("get", "pods", stdin="in") == "/kubeconfig get pods\nin"
    assert cluster.kubectl("get") == "/kubeconfig get\n"
    with pytest.raises(KubehopError, match="kubectl bad thing: no"):
        cluster.kubectl("bad", "thing")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(KubehopError, match="there is no kubectl on this machine"):
        cluster.kubectl("get")
