"""The pods of a StatefulSet: ordinals, stable names, hostnames and claims. Pure.

Source: Kubernetes pkg/controller/statefulset/stateful_set_utils.go.
"""

from __future__ import annotations

import re
from typing import Any

from controlplane.api.objects import copy_json
from controlplane.controllers.conditions import owner_reference
from controlplane.controllers.pod_templates import pod_from_template
from controlplane.controllers.replicas import wanted_replicas
from controlplane.controllers.revisions import template_of

Object = dict[str, Any]
REVISION_LABEL = "controller-revision-hash"
POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"
_NUMBERED = re.compile(r"(.*)-([0-9]+)")


def ordinal_of(stateful_set: Object, pod: Object) -> int | None:
    """The number in the pod's name, None when the name is not one of this set's."""
    match = _NUMBERED.fullmatch(pod["metadata"]["name"])
    if match is None or match[1] != stateful_set["metadata"]["name"]:
        return None
    return int(match[2])


def start_ordinal(stateful_set: Object) -> int:
    """`spec.ordinals.start`, 0 when it is not set."""
    return int((stateful_set["spec"].get("ordinals") or {}).get("start") or 0)


def wanted_ordinals(stateful_set: Object) -> range:
    """The ordinals that shall be there, lowest first."""
    start = start_ordinal(stateful_set)
    return range(start, start + wanted_replicas(stateful_set))


def revision_of(pod: Object) -> str:
    """The name of the revision that the pod was made of."""
    return str((pod["metadata"].get("labels") or {}).get(REVISION_LABEL, ""))


def new_pod(stateful_set: Object, revision: Object, ordinal: int) -> Object:
    """The pod of that ordinal, made of the revision's template."""
    pod = pod_from_template(stateful_set, template_of(revision))
    about = pod["metadata"]
    del about["generateName"]
    about["name"] = name = f"{stateful_set['metadata']['name']}-{ordinal}"
    labels = about.setdefault("labels", {})
    labels |= {**identity_labels(name, ordinal), REVISION_LABEL: revision["metadata"]["name"]}
    pod["spec"]["hostname"] = name
    if stateful_set["spec"].get("serviceName"):
        pod["spec"]["subdomain"] = stateful_set["spec"]["serviceName"]
    claimed = claim_names(stateful_set, ordinal)
    volumes = [
        {"name": volume, "persistentVolumeClaim": {"claimName": claim}}
        for volume, claim in claimed.items()
    ]
    volumes += [v for v in pod["spec"].get("volumes") or () if v["name"] not in claimed]
    if volumes:
        pod["spec"]["volumes"] = volumes
    return pod


def identity_labels(name: str, ordinal: int) -> dict[str, str]:
    """By which a Service can select one pod of the set."""
    return {POD_NAME_LABEL: name, POD_INDEX_LABEL: str(ordinal)}


def claim_names(stateful_set: Object, ordinal: int) -> dict[str, str]:
    """The PersistentVolumeClaims of the pod of that ordinal, by the name of the volume."""
    set_name = stateful_set["metadata"]["name"]
    templates = stateful_set["spec"].get("volumeClaimTemplates") or ()
    names = [template["metadata"]["name"] for template in templates]
    return {name: f"{name}-{set_name}-{ordinal}" for name in names}


def new_claims(stateful_set: Object, ordinal: int) -> list[Object]:
    """The PersistentVolumeClaims of the pod of that ordinal."""
    claims = []
    names = claim_names(stateful_set, ordinal)
    for template in stateful_set["spec"].get("volumeClaimTemplates") or ():
        claim = copy_json(template)
        about = claim["metadata"]
        selected = stateful_set["spec"]["selector"].get("matchLabels") or {}
        claim["metadata"] = {
            "name": names[about["name"]],
            "namespace": stateful_set["metadata"]["namespace"],
            "labels": {**(about.get("labels") or {}), **selected},
            "annotations": about.get("annotations") or {},
        }
        claim.pop("status", None)
        claims.append(claim)
    return claims


def claim_owner(stateful_set: Object, pod: Object | None, *, condemned: bool) -> Object | None:
    """Who takes a claim along when it goes (persistentVolumeClaimRetentionPolicy), if anybody.

    `condemned`: the pod is to go because the set was scaled down.
    """
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    if condemned and policy.get("whenScaled") == "Delete":
        return owner_reference(pod, "v1", "Pod") if pod is not None else None
    if policy.get("whenDeleted") == "Delete":
        return owner_reference(stateful_set, stateful_set["apiVersion"], stateful_set["kind"])
    return None
