"""Small Kubernetes objects for tests of pure decisions."""

from datetime import UTC, datetime

NOW = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)


def pod(name="p", node="n1", ip="10.244.0.5", ready=True, phase="Running", **extra):
    """A pod that runs; `extra` goes into metadata."""
    conditions = [
        {"type": "Ready", "status": str(ready), "lastTransitionTime": "2030-01-01T11:00:00Z"},
        {"type": "ContainersReady", "status": str(ready)},
    ]
    status = {"phase": phase, "conditions": conditions}
    if ip:
        status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": f"uid-{name}",
        "labels": {"app": "web"},
        "creationTimestamp": "2030-01-01T10:00:00Z",
        **extra,
    }
    spec = {"containers": [{"name": "c", "image": "i"}], "tolerations": []}
    if node:
        spec["nodeName"] = node
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status,
    }  # fmt: skip


def node(name="n1", ready="True", taints=(), labels=None, **spec):
    """A node whose Ready condition is as given."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels or {}},
        "spec": {**spec, **({"taints": list(taints)} if taints else {})},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def service(name="web", selector=None, ports=None, **spec):
    """A Service for pods with app=web."""
    return {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "spec": {
            "type": "ClusterIP",
            "selector": selector or {"app": "web"},
            "ports": ports if ports is not None else [{"port": 80, "targetPort": 8080}],
            "ipFamilies": ["IPv4"],
            **spec,
        },
    }


def replica_set(name="rs", replicas=1, available=0, created="2030-01-01T10:00:00Z", **metadata):
    """A ReplicaSet; `metadata` may hold annotations."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "generation": 1,
            "creationTimestamp": created,
            **metadata,
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": name}]},
            },
        },
        "status": {
            "replicas": replicas, "availableReplicas": available, "observedGeneration": 1,
        },
    }  # fmt: skip


def owned(obj, uid, kind="ReplicaSet"):
    """The object, controlled by that uid."""
    reference = {
        "apiVersion": "apps/v1", "kind": kind, "name": "owner", "uid": uid, "controller": True,
    }  # fmt: skip
    obj["metadata"]["ownerReferences"] = [reference]
    return obj


def stateful_set(name="db", replicas=1, **spec):
    """A StatefulSet; `spec` overrides."""
    made = replica_set(name, replicas)
    made["kind"] = "StatefulSet"
    made["spec"] |= spec
    return made


def daemon_set(name="ds", **spec):
    """A DaemonSet; `spec` overrides."""
    made = replica_set(name)
    made["kind"] = "DaemonSet"
    del made["spec"]["replicas"]
    made["spec"] |= spec
    return made


def job(name="job", pod_spec=None, **spec):
    """A Job of one completion; `spec` overrides."""
    made = replica_set(name)
    made |= {"apiVersion": "batch/v1", "kind": "Job"}
    template = made["spec"]["template"]
    template["spec"] |= {"restartPolicy": "Never", **(pod_spec or {})}
    made["spec"] = {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "podReplacementPolicy": "TerminatingOrFailed",
        "template": template,
        **spec,
    }
    made["status"] = {"startTime": "2030-01-01T11:00:00Z"}
    return made


def job_pod(name="p", phase="Running", index=None, tracked=True, ended="", codes=(), **metadata):
    """A pod of a Job; `ended` is when its containers ended, with these exit codes."""
    annotations = {}
    if index is not None:
        annotations["batch.kubernetes.io/job-completion-index"] = str(index)
    if tracked:
        metadata["finalizers"] = ["batch.kubernetes.io/job-tracking"]
    annotations |= metadata.pop("annotations", {})
    made = pod(name, phase=phase, annotations=annotations, **metadata)
    if ended or codes:
        made["status"]["containerStatuses"] = [
            {"name": f"c{n}", "state": {"terminated": {"exitCode": code, "finishedAt": ended}}}
            for n, code in enumerate(codes or (0,))
        ]
    return made


def cron_job(schedule="* * * * *", **spec):
    """A CronJob; `spec` overrides."""
    made = job("cron")
    made["kind"] = "CronJob"
    template = {"spec": made["spec"]}
    made["spec"] = {"schedule": schedule, "jobTemplate": template, **spec}
    made["status"] = {}
    return made


def disruption_budget(name="budget", **spec):
    """A PodDisruptionBudget for pods with app=web."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "generation": 1,
        },
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
        "status": {},
    }
