"""Policies as a user meets them: applied by kubectl, followed by packets, explained."""

import json
import signal
import subprocess
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
import yaml

from tests.support.kubectl import wait_until
from tests.support.local_cluster import KUBEHOP, local_cluster

pytestmark = [pytest.mark.netns, pytest.mark.kubectl]

_TIMED_OUT = "28"


def pod(name, node, **fields):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"nodeName": node, "containers": [{"name": "m", **fields}]},
    }


def manifests():
    port = {"name": "http", "containerPort": 80}
    yield pod("web", "policed-worker", image="traefik/whoami", ports=[port])
    for name, node in (("good", "policed-worker"), ("bad", "policed-worker2")):
        yield pod(name, node, image="curl", command=["sleep", "3600"])
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 8000, "targetPort": "http"}]},
    }
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "web"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}},
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": {"app": "good"}}}],
                    "ports": [{"port": "http"}],
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policed")
    with local_cluster("policed", folder, "--nodes", "2") as running:
        running.kubectl.apply(yaml.safe_dump_all(manifests()))
        running.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        yield running


@pytest.fixture
def kubectl(cluster):
    return cluster.kubectl


def kubehop(cluster, *command):
    return subprocess.run(
        [KUBEHOP, *command, "--name", cluster.name],
        env=cluster.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fetch(kubectl, source):
    """The HTTP code, or curl's exit code when nothing answers."""
    shell = "curl -s -m 2 -o /dev/null -w '%{http_code}' http://web:8000 || echo \" $?\""
    return kubectl("exec", source, "--", "sh", "-c", shell).split()[-1]


def becomes(kubectl, source, code, *, holds=True):
    what = f"{source} to get {'' if holds else 'something else than '}{code}"
    wait_until(lambda: (fetch(kubectl, source) == code) is holds, what)


def explain(cluster, *ends):
    return kubehop(cluster, "policy", "explain", *ends)


def test_what_happens_is_what_was_predicted(cluster, kubectl):
    for source, code, exit_code in (("good", "200", 0), ("bad", _TIMED_OUT, 1)):
        assert fetch(kubectl, source) == code
        told = explain(cluster, source, "svc/web:8000")
        assert told.returncode == exit_code, told.stderr
    assert "pod default/bad has the label app=bad, needed is app=good" in told.stdout


def test_a_label_changes_the_verdict_at_once(cluster, kubectl):
    kubectl("label", "pod", "bad", "app=good", "--overwrite")
    try:
        becomes(kubectl, "bad", "200")
        assert explain(cluster, "bad", "svc/web:8000").returncode == 0
    finally:
        kubectl("label", "pod", "bad", "app=bad", "--overwrite")
    becomes(kubectl, "bad", _TIMED_OUT)


def test_the_denial_is_observed_and_names_its_policy(cluster, kubectl):
    assert fetch(kubectl, "bad") == _TIMED_OUT
    seen = kubehop(cluster, "observe", "--from-pod", "default/bad", "--verdict", "DROPPED")
    assert "INGRESS DENIED BY default/web (NetworkPolicy)" in seen.stdout
    assert "Policy denied DROPPED (TCP Flags: SYN)" in seen.stdout


def test_names_are_resolved_under_egress_isolation_by_the_usual_rule(kubectl):
    dns = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    web = {"podSelector": {"matchLabels": {"app": "web"}}}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "out"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "good"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": [dns], "ports": [{"port": 53, "protocol": "UDP"}]}, {"to": [web]}],
        },
    }
    kubectl.apply(yaml.safe_dump(policy))
    try:
        assert fetch(kubectl, "good") == "200"
        policy["spec"]["egress"].pop(0)
        kubectl.apply(yaml.safe_dump(policy))
        becomes(kubectl, "good", "200", holds=False)
    finally:
        kubectl("delete", "networkpolicy", "out")
    becomes(kubectl, "good", "200")


def test_an_admin_comes_first(cluster, kubectl):
    guard = {
        "apiVersion": "policy.networking.k8s.io/v1alpha1",
        "kind": "AdminNetworkPolicy",
        "metadata": {"name": "guard"},
        "spec": {
            "priority": 5,
            "subject": {"namespaces": {}},
            "ingress": [{"name": "nobody", "action": "Deny", "from": [{"namespaces": {}}]}],
        },
    }
    kubectl.apply(yaml.safe_dump(guard))
    try:
        becomes(kubectl, "good", _TIMED_OUT)
        told = explain(cluster, "good", "web:80")
        assert "AdminNetworkPolicy guard rule nobody: matches, by peer 0 (Deny)" in told.stdout
        assert "guard" in kubectl("get", "anp")
    finally:
        kubectl("delete", "anp", "guard")


def test_what_cannot_be_told_ends_with_2(cluster):
    for ends in (("nobody", "web"), ("good", "svc/none"), ("good", "web:99999")):
        told = explain(cluster, *ends)
        assert (told.returncode, told.stdout) == (2, "")
        assert told.stderr.startswith("kubehop: ")
        assert len(told.stderr.splitlines()) == 1


def test_the_matrix_and_the_lint(cluster):
    matrix = kubehop(cluster, "policy", "matrix", "--port", "80", "-n", "default")
    rows = {line.split()[0]: line.split()[1:] for line in matrix.stdout.splitlines()[1:]}
    assert rows["default/bad"] == [".", "yes", "-"]
    assert rows["default/good"] == ["yes", ".", "yes"]
    assert kubehop(cluster, "policy", "lint").returncode == 0


def test_a_pod_is_isolated_from_its_first_packet(kubectl):
    """Before the control plane has heard of its address, too."""
    names = [f"starting-{number}" for number in range(12)]
    isolating = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "starting"},
        "spec": {"podSelector": {"matchLabels": {"starts": "yes"}}, "policyTypes": ["Egress"]},
    }
    kubectl.apply(yaml.safe_dump(pod("open", "policed-worker", image="traefik/whoami")))
    kubectl("wait", "--for=condition=Ready", "pod/open", "--timeout=60s")
    ip = kubectl("get", "pod", "open", "-o", "jsonpath={.status.podIP}").strip()
    connect = f"exec 3<>/dev/tcp/{ip}/80 && echo THROUGH"  # sooner than any program would start
    starting = [pod(name, "policed-worker2", image="bash") for name in names]
    for each in starting:
        each["metadata"]["labels"]["starts"] = "yes"
        each["spec"]["restartPolicy"] = "Never"
        each["spec"]["containers"][0]["command"] = [
            "bash",
            "-c",
            f"({connect}) & sleep 1; kill $!; echo TRIED",
        ]
    try:
        kubectl.apply(yaml.safe_dump_all([isolating, *starting]))
        kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod", "-l", "starts=yes",
                "--timeout=60s")  # fmt: skip
        assert {kubectl("logs", name).strip() for name in names} == {"TRIED"}
    finally:
        kubectl("delete", "networkpolicy/starting", "pod/open", *(f"pod/{name}" for name in names))


@pytest.mark.parametrize(
    "spec",
    [
        42,
        {"podSelector": 1},
        {"podSelector": {"matchLabels": ["a"]}},
        {"podSelector": {}, "ingress": [1]},
        {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/33"}}]}]},
        {"podSelector": {}, "policyTypes": "Ingress"},
        {"podSelector": {}, "ingress": [{"ports": [{"port": 99999}]}]},
        {"podSelector": {}, "ingress": [{"ports": [{"port": 80, "endPort": "abc"}]}]},
    ],
)
def test_what_the_api_refuses_is_refused_by_lint_and_diff(cluster, tmp_path, spec):
    file = tmp_path / "policy.yaml"
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    about = {"name": "odd", "namespace": "not-there-yet"}
    file.write_text(yaml.safe_dump({**head, "metadata": about, "spec": spec}))
    for command in (("lint", "-f", file), ("diff", file, file)):
        told = kubehop(cluster, "policy", *command)
        assert (told.returncode, told.stdout) == (2, ""), told
        assert told.stderr.startswith(f"kubehop: NetworkPolicy odd ({file}) is refused: ")
        assert len(told.stderr.splitlines()) == 1


def test_diff_knows_the_policies_of_admins(cluster, tmp_path):
    guard = {
        "apiVersion": "policy.networking.k8s.io/v1alpha1",
        "kind": "AdminNetworkPolicy",
        "metadata": {"name": "guard"},
        "spec": {
            "priority": 5,
            "subject": {"pods": {"namespaceSelector": {}, "podSelector": {}}},
            "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
        },
    }
    empty, guarded = tmp_path / "a.yaml", tmp_path / "b.yaml"
    empty.write_text(yaml.safe_dump(pod("none", "policed-worker")))
    guarded.write_text(yaml.safe_dump(guard))
    told = kubehop(cluster, "policy", "diff", str(empty), str(guarded))
    assert told.returncode == 1, told.stderr
    assert "default/bad -> default/good ICMP: allowed -> DENIED" in told.stdout


def expectations(tmp_path, *entries):
    file = tmp_path / "expectations.yaml"
    head = {"apiVersion": "kubehop.dev/v1alpha1", "kind": "PolicyExpectations"}
    file.write_text(yaml.safe_dump({**head, "expectations": list(entries)}))
    return file


def test_expectations_hold_for_real_packets(cluster, tmp_path):
    every_way = ["svc/web:8000", "web.default.svc:8000", "web:80"]
    node = "node/policed-worker"
    file = expectations(
        tmp_path,
        {"from": "good", "to": every_way, "verdict": "allowed", "by": "default/web"},
        {"from": "bad", "to": every_way, "verdict": "denied", "by": "default/web"},
        {"from": "bad", "to": ["web", "web:9/udp"], "verdict": "denied"},
        {"from": ["good", "bad"], "to": ["bad:9", "bad", "bad:9/udp"], "verdict": "allowed"},
        {"from": "web", "to": "web:80", "verdict": "allowed"},
        {"from": node, "to": "web:80", "verdict": "allowed"},
        {"from": "web", "to": ["kubernetes.default:443", node], "verdict": "allowed"},
    )
    done = kubehop(cluster, "policy", "check", "-f", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok    bad -> svc/web:8000: denied by default/web" in done.stdout
    assert done.stdout.splitlines()[-1] == "18 checked, 18 as expected, 0 not"


def test_an_expectation_that_fails_is_told_three_times(cluster, tmp_path):
    file = expectations(
        tmp_path,
        {"name": "open", "from": "bad", "to": "web:80", "verdict": "allowed"},
        {"from": "good", "to": "web:80", "verdict": "allowed"},
    )
    report = tmp_path / "junit.xml"
    done = kubehop(cluster, "policy", "check", "-f", file, "-o", "json", "--junit", report)
    assert done.returncode == 1, done.stderr
    first, second = json.loads(done.stdout)["results"]
    assert first["problems"] == ["expected allowed, predicted denied, observed denied"]
    assert first["observed"]["by"] == ["default/web"]
    assert second["asExpected"] is True
    cases = list(ElementTree.parse(report).iter("testcase"))
    assert [len(case) for case in cases] == [1, 0]
    assert cases[0].get("name") == "open"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"from": "nobody", "to": "web:80"}, 'expectations[0]: pods "nobody" not found'),
        ({"from": "good", "to": "svc/web:81"}, "Service web has no port 81/TCP"),
        ({"from": "good", "to": "web:80/sctp"}, "SCTP cannot be traced"),
        ({"from": "10.0.0.1", "to": "web:80"}, "an address sends nothing"),
    ],
)
def test_what_cannot_be_checked_is_exit_code_2(cluster, tmp_path, entry, message):
    file = expectations(tmp_path, {**entry, "verdict": "denied"})
    done = kubehop(cluster, "policy", "check", "-f", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_staged_policies_are_judged_and_drop_nothing(cluster, kubectl, tmp_path):
    assert fetch(kubectl, "good") == "200"
    lock = tmp_path / "lock.yaml"
    spec = {"podSelector": {"matchLabels": {"app": "good"}}, "policyTypes": ["Egress"]}
    about = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    lock.write_text(yaml.safe_dump({**about, "metadata": {"name": "lock"}, "spec": spec}))
    done = kubehop(cluster, "policy", "stage", "-f", lock, "--since", "10s")
    assert done.returncode == 1, done.stderr
    assert "EGRESS AUDITED BY default/lock (NetworkPolicy)" in done.stdout
    assert "default/good -> default/web:80/TCP: " in done.stdout
    assert fetch(kubectl, "good") == "200"
    assert "lock" not in kubectl("get", "networkpolicies", "-o", "name")
    lock.write_text(lock.read_text().replace("matchLabels", "matchlabels"))
    refused = kubehop(cluster, "policy", "stage", "-f", lock)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert 'unknown field "spec.podSelector.matchlabels"' in refused.stderr


def test_live_flows_are_judged_until_it_is_interrupted(cluster, kubectl, tmp_path):
    lock = tmp_path / "lock.yaml"
    spec = {"podSelector": {"matchLabels": {"app": "web"}}}
    about = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    lock.write_text(yaml.safe_dump({**about, "metadata": {"name": "web"}, "spec": spec}))
    assert fetch(kubectl, "good") == "200"
    command = [KUBEHOP, "policy", "stage", "-f", lock, "--follow", "-o", "json"]
    with subprocess.Popen(
        [*command, "--since", "10s", "--name", cluster.name],
        env={**cluster.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as stage:
        try:
            first = json.loads(stage.stdout.readline())["flow"]
            stage.send_signal(signal.SIGINT)
            rest, _ = stage.communicate(timeout=30)
        finally:
            stage.kill()
    assert (first["verdict"], first["ingress_denied_by"][0]["name"]) == ("AUDIT", "web")
    assert json.loads(rest.splitlines()[-1])["summary"]["wouldBeDropped"]
    assert stage.returncode == 1


def test_advised_policies_let_the_same_connections_through(cluster, kubectl, tmp_path):
    began = datetime.now(UTC).isoformat()
    assert fetch(kubectl, "good") == "200"
    kubectl("delete", "networkpolicy", "web")
    try:
        advice = kubehop(cluster, "policy", "advise", "-n", "default", "--since", began)
        assert advice.returncode == 0, advice.stderr
        assert "recorded connections replayed and allowed" in advice.stderr
        kubectl.apply(advice.stdout)
        becomes(kubectl, "bad", _TIMED_OUT)
        assert fetch(kubectl, "good") == "200"
    finally:
        kubectl("delete", "networkpolicy", "--all")
        kubectl.apply(yaml.safe_dump_all(manifests()))
    assert kubehop(cluster, "policy", "advise", "-n", "empty").returncode == 2
