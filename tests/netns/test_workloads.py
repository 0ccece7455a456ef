"""Workloads as kubectl makes, follows and describes them; their pods are real processes."""

import json
import threading

import pytest

from tests.support.kubectl import wait_until
from tests.support.local_cluster import local_cluster

pytestmark = [pytest.mark.netns, pytest.mark.kubectl]

_WAIT = "--timeout=60s"


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory):
    with local_cluster("workloads", tmp_path_factory.mktemp("cluster")) as running:
        yield running.kubectl


def template(app, *containers, **spec):
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": containers or [{"name": "web", "image": "nginx"}],
            **spec,
        },
    }


def workload(kind, name, api_version="apps/v1", **spec):
    selector = {"matchLabels": {"app": name}}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": selector, "template": template(name), **spec},
    }


def task(name, script, **spec):
    main = {"name": "main", "image": "busybox", "command": ["sh", "-c", script]}
    pods = template(name, main, restartPolicy="Never")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": pods, **spec},
    }


def apply(kubectl, *objects):
    kubectl.apply("\n---\n".join(map(json.dumps, objects)))


def table(kubectl, *arguments):
    """The rows that `kubectl get` prints."""
    return [line.split() for line in kubectl("get", *arguments, "--no-headers").splitlines()]


def test_a_stateful_set_has_stable_names_and_dns(kubectl):
    headless = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "peers"},
        "spec": {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 80}]},
    }
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    db = workload("StatefulSet", "db", serviceName="peers", replicas=2)
    db["spec"]["volumeClaimTemplates"] = [claim]
    db["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [
        {"name": "data", "mountPath": "/data"}
    ]
    apply(kubectl, headless, db)
    kubectl("rollout", "status", "sts/db", _WAIT)
    assert [row[0] for row in table(kubectl, "pods", "-l", "app=db")] == ["db-0", "db-1"]
    assert table(kubectl, "pvc")[0][:2] == ["data-db-0", "Bound"]
    ip = kubectl.json("get", "pod", "db-1")["status"]["podIP"]
    found = wait_until(
        lambda: kubectl.run("exec", "db-0", "--", "getent", "ahostsv4", "db-1.peers").stdout,
        "the name of a peer",
    )
    assert ip in found
    assert kubectl("exec", "db-0", "--", "sh", "-c", "hostname; echo x > /data/x") == "db-0\n"
    kubectl("set", "image", "sts/db", "web=nginx:2")
    kubectl("rollout", "status", "sts/db", _WAIT)
    kubectl("rollout", "undo", "sts/db")
    kubectl("rollout", "status", "sts/db", _WAIT)
    assert "3         <none>" in kubectl("rollout", "history", "sts/db")
    described = kubectl("describe", "sts", "db")
    assert "create Claim data-db-0 Pod db-0 in StatefulSet db success" in described
    assert "Pods Status:        2 Running / 0 Waiting / 0 Succeeded / 0 Failed" in described
    kubectl("scale", "sts/db", "--replicas=1")
    kubectl("wait", "--for=delete", "pod/db-1", _WAIT)
    kubectl("delete", "sts/db", "svc/peers")
    kubectl("delete", "pvc", "--all")


def test_a_daemon_set_is_on_every_node(kubectl):
    agent = workload("DaemonSet", "agent")
    apply(kubectl, agent)
    kubectl("rollout", "status", "ds/agent", _WAIT)
    assert table(kubectl, "ds")[0][:6] == ["agent", "3", "3", "3", "3", "3"]
    node = kubectl.json("get", "nodes")["items"][0]["metadata"]["name"]
    kubectl("label", "node", node, "disk=ssd")
    agent["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    apply(kubectl, agent)
    wait_until(lambda: len(table(kubectl, "pods", "-l", "app=agent")) == 1, "one node is meant")
    kubectl("rollout", "status", "ds/agent", _WAIT)
    pod = kubectl.json("get", "pods", "-l", "app=agent")["items"][0]
    assert pod["spec"]["nodeName"] == node
    assert "Created pod: agent-" in kubectl("describe", "ds", "agent")
    kubectl("delete", "ds/agent")
    kubectl("label", "node", node, "disk-")


def test_jobs_end(kubectl):
    script = "echo index $JOB_COMPLETION_INDEX on $(hostname)"
    apply(
        kubectl,
        task("sum", script, completions=3, parallelism=2, completionMode="Indexed"),
        task("bad", "exit 3", backoffLimit=0),
        task("slow", "sleep 60", activeDeadlineSeconds=1),
    )
    kubectl("wait", "--for=condition=Complete", "job/sum", _WAIT)
    kubectl("wait", "--for=condition=Failed", "job/bad", "job/slow", _WAIT)
    shown = {row[0]: row[1:3] for row in table(kubectl, "jobs")}
    assert shown == {
        "sum": ["Complete", "3/3"],
        "bad": ["Failed", "0/1"],
        "slow": ["Failed", "0/1"],
    }
    logs = sorted(kubectl("logs", "-l", "job-name=sum").splitlines())
    assert logs == [f"index {n} on sum-{n}" for n in range(3)]
    described = kubectl("describe", "job", "sum", "bad", "slow")
    for words in (
        "Completed Indexes:  0-2",
        "Job completed",
        "Job has reached the specified backoff limit",
        "Job was active longer than specified deadline",
    ):
        assert words in described
    wait_until(lambda: not table(kubectl, "pods", "-l", "job-name=slow"), "it is killed")
    kubectl("delete", "jobs", "--all")
    wait_until(lambda: not kubectl("get", "pods", "-o", "name"), "pods go with their jobs")


def test_a_cron_job_and_a_job_made_from_it(kubectl):
    kubectl("create", "cronjob", "tick", "--image=busybox", "--schedule=@every 1s", "--", "date")
    kubectl("create", "job", "now", "--from=cronjob/tick")
    kubectl("wait", "--for=condition=Complete", "job/now", _WAIT)
    assert kubectl("logs", "job/now").strip()
    wait_until(lambda: "SawCompletedJob" in kubectl("describe", "cj", "tick"), "a run is seen")
    assert table(kubectl, "cj")[0][:4] == ["tick", "@every", "1s", "<none>"]
    kubectl("patch", "cj", "tick", "-p", '{"spec":{"suspend":true}}')
    kubectl("delete", "cj", "tick")
    wait_until(lambda: not kubectl("get", "jobs", "-o", "name"), "jobs go with it")
    refused = kubectl.run("create", "cronjob", "x", "--image=busybox", "--schedule=60 * * * *")
    assert "end of range (60) above maximum (59): 60" in refused.stderr


def test_a_replication_controller(kubectl):
    rc = workload("ReplicationController", "old", "v1", replicas=2)
    del rc["spec"]["selector"]
    apply(kubectl, rc)
    wait_until(lambda: table(kubectl, "rc")[0][:4] == ["old", "2", "2", "2"], "two are ready")
    kubectl("scale", "rc/old", "--replicas=1")
    wait_until(lambda: table(kubectl, "rc")[0][:4] == ["old", "1", "1", "1"], "one is left")
    assert "Deleted pod: old-" in kubectl("describe", "rc", "old")
    kubectl("delete", "rc/old")
    wait_until(lambda: not kubectl("get", "pods", "-o", "name"), "pods go with it")


def test_a_rollout_goes_forth_and_back(kubectl):
    web = workload("Deployment", "web", replicas=2, progressDeadlineSeconds=3)
    apply(kubectl, web)
    kubectl("rollout", "status", "deploy/web", _WAIT)
    kubectl("set", "image", "deploy/web", "web=nowhere.example/none:1")
    late = kubectl.run("rollout", "status", "deploy/web", _WAIT)
    assert 'deployment "web" exceeded its progress deadline' in late.stderr
    kubectl("rollout", "undo", "deploy/web")
    kubectl("rollout", "status", "deploy/web", _WAIT)
    kubectl("rollout", "pause", "deploy/web")
    kubectl("set", "image", "deploy/web", "web=nginx:2")
    assert len(table(kubectl, "rs")) == 2
    kubectl("rollout", "resume", "deploy/web")
    kubectl("rollout", "status", "deploy/web", _WAIT)
    kubectl("rollout", "restart", "deploy/web")
    kubectl("rollout", "status", "deploy/web", _WAIT)
    numbers = [line.split()[0] for line in kubectl("rollout", "history", "deploy/web").splitlines()
               if line[:1].isdigit()]  # fmt: skip
    assert numbers == ["2", "3", "4", "5"]
    web["spec"]["strategy"] = {"type": "Recreate"}
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:3"
    apply(kubectl, web)
    kubectl("rollout", "status", "deploy/web", _WAIT)
    assert "Scaled down replica set web-" in kubectl("describe", "deploy", "web")
    kubectl("delete", "deploy/web")


def test_a_drain_respects_the_budget(kubectl):
    apply(kubectl, workload("Deployment", "shop", replicas=2))
    kubectl("rollout", "status", "deploy/shop", _WAIT)
    kubectl("create", "pdb", "shop", "--selector=app=shop", "--min-available=2")
    wait_until(lambda: table(kubectl, "pdb")[0][1:4] == ["2", "N/A", "0"], "nothing is allowed")
    pod = kubectl.json("get", "pods", "-l", "app=shop")["items"][0]
    node = pod["spec"]["nodeName"]
    refused = kubectl.run("drain", node, "--ignore-daemonsets", "--timeout=2s")
    assert refused.returncode != 0
    assert "Cannot evict pod as it would violate the pod's disruption budget." in refused.stderr
    more = threading.Timer(1.0, lambda: kubectl("scale", "deploy/shop", "--replicas=3"))
    more.start()
    kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=50s")
    more.join()
    assert pod["metadata"]["name"] not in [row[0] for row in table(kubectl, "pods")]
    kubectl("uncordon", node)
    kubectl("delete", "deploy/shop", "pdb/shop")


def test_an_autoscaler_says_that_it_does_nothing(kubectl):
    apply(kubectl, workload("Deployment", "auto"))
    kubectl("autoscale", "deploy/auto", "--min=1", "--max=3", "--cpu-percent=50")
    row = table(kubectl, "hpa")[0]
    assert row[:4] == ["auto", "Deployment/auto", "cpu:", "<unknown>/50%"]
    wait_until(
        lambda: "nothing is scaled by it" in kubectl("describe", "hpa", "auto"), "it is said"
    )
    kubectl("delete", "deploy/auto", "hpa/auto")


def test_pods_have_their_files(kubectl):
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {"color": "red"},
    }
    mounts = [
        {"name": "settings", "mountPath": "/settings"},
        {"name": "settings", "mountPath": "/color", "subPath": "color"},
    ]
    main = {
        "name": "main",
        "image": "busybox",
        "command": ["sleep", "600"],
        "envFrom": [{"prefix": "SET_", "configMapRef": {"name": "settings"}}],
        "volumeMounts": mounts,
    }
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "files"},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [main], "volumes": volumes},
    }
    apply(kubectl, config, pod)
    kubectl("wait", "--for=condition=Ready", "pod/files", _WAIT)

    def run(script):
        return kubectl.run("exec", "files", "--", "sh", "-c", script)

    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert run(f"cat {account}/namespace").stdout == "default"
    assert "BEGIN CERTIFICATE" in run(f"cat {account}/ca.crt").stdout
    assert run("echo $SET_color; cat /color").stdout == "red\nred"
    assert "Read-only file system" in run("echo x > /settings/color").stderr
    kubectl("patch", "cm", "settings", "-p", '{"data":{"color":"blue"}}')
    wait_until(lambda: run("cat /settings/color").stdout == "blue", "the file follows")
    assert "Projected (a volume that contains injected data" in kubectl("describe", "pod", "files")
    kubectl("delete", "pod/files", "cm/settings")


@pytest.mark.parametrize("cascade", ["foreground", "background", "orphan"])
def test_what_goes_with_a_deployment(kubectl, cascade):
    apply(kubectl, workload("Deployment", "tree"))
    kubectl("rollout", "status", "deploy/tree", _WAIT)
    kubectl("delete", "deploy/tree", f"--cascade={cascade}")
    if cascade == "orphan":
        assert len(table(kubectl, "rs,pods", "-l", "app=tree")) == 2
        kubectl("delete", "rs", "-l", "app=tree")
    wait_until(lambda: not kubectl("get", "rs,pods", "-l", "app=tree", "-o", "name"), "all gone")
