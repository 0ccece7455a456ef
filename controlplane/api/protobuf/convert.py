"""From protobuf messages of the Kubernetes API to the objects that its JSON form gives.

Kubernetes' encoder writes every field that is no Go pointer, zero or not. Zero numbers, false
and empty strings therefore count as absent, but where the Go field is a pointer and zero says
something: those are the tables below.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from controlplane.api.protobuf.descriptors import META, RUNTIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

INLINED = frozenset(
    (
        "ConfigMapEnvSource.localObjectReference",
        "ConfigMapKeySelector.localObjectReference",
        "ConfigMapProjection.localObjectReference",
        "ConfigMapVolumeSource.localObjectReference",
        "EphemeralContainer.ephemeralContainerCommon",
        "IngressRule.ingressRuleValue",
        "NamedRuleWithOperations.ruleWithOperations",
        "PersistentVolumeSpec.persistentVolumeSource",
        "Probe.handler",
        "RuleWithOperations.rule",
        "SecretEnvSource.localObjectReference",
        "SecretKeySelector.localObjectReference",
        "SecretProjection.localObjectReference",
        "Volume.volumeSource",
    )
)
"""Messages whose fields stand in the parent's JSON object (embedded Go structs)."""

RENAMED: Mapping[str, str] = {
    "BoundObjectReference.uID": "uid",
    "IngressClassParametersReference.aPIGroup": "apiGroup",
    "MutatingWebhookConfiguration.Webhooks": "webhooks",
    "ValidatingWebhookConfiguration.Webhooks": "webhooks",
    "Validation.Expression": "expression",
    "Variable.Expression": "expression",
    "Variable.Name": "name",
}
"""Fields with another name in JSON."""

ZERO_MEANS_ZERO = frozenset(
    (
        "activeDeadlineSeconds", "averageUtilization", "backoffLimit", "backoffLimitPerIndex",
        "completions", "currentCPUUtilizationPercentage", "defaultMode",
        "deletionGracePeriodSeconds", "expirationSeconds", "failedJobsHistoryLimit", "fsGroup",
        "gracePeriodSeconds", "leaseDurationSeconds", "maxFailedIndexes", "maxReplicas",
        "minReplicas", "mode", "parallelism", "priority", "progressDeadlineSeconds", "replicas",
        "revisionHistoryLimit", "runAsGroup", "runAsUser", "stabilizationWindowSeconds",
        "startingDeadlineSeconds", "successfulJobsHistoryLimit", "targetCPUUtilizationPercentage",
        "terminationGracePeriodSeconds", "tolerationSeconds", "ttlSecondsAfterFinished", "value",
        "weight",
    )
)  # fmt: skip
"""Numbers that are pointers in Go (or always written in JSON): their zero is kept."""

FALSE_MEANS_FALSE = frozenset(
    (
        "allocateLoadBalancerNodePorts", "allowed", "allowPrivilegeEscalation",
        "allowVolumeExpansion", "attachRequired", "automountServiceAccountToken",
        "blockOwnerDeletion", "controller", "enableServiceLinks", "hostProcess", "hostUsers",
        "immutable", "optional", "orphanDependents", "podInfoOnMount", "privileged",
        "readOnlyRootFilesystem", "ready", "requiresRepublish", "runAsNonRoot", "seLinuxMount",
        "serving", "setHostnameAsFQDN", "shareProcessNamespace", "started", "storageCapacity",
        "suspend", "terminating",
    )
)  # fmt: skip
"""Booleans that are pointers in Go (or always written in JSON): their false is kept."""

EMPTY_MEANS_EMPTY = frozenset(("storageClassName", "volumeAttributesClassName"))
"""Strings that are pointers in Go and for which empty is not the same as absent."""

_NUMBERS = frozenset(
    (
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
        FieldDescriptor.CPPTYPE_FLOAT,
        FieldDescriptor.CPPTYPE_DOUBLE,
    )
)


def to_object(message: Message) -> Any:
    """The JSON-like value of a message; None for a time that is not set.

    Raises ValueError for embedded JSON or times that cannot be read.
    """
    special = _SPECIAL.get(message.DESCRIPTOR.full_name)
    if special is not None:
        return special(message)
    result: dict[str, Any] = {}
    for field, value in message.ListFields():
        qualified = f"{message.DESCRIPTOR.name}.{field.name}"
        converted = _field(field, value)
        if qualified in INLINED:
            result.update(converted)
        elif converted is not None:
            result[RENAMED.get(qualified, field.name)] = converted
    return result


def _field(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _single(item) for key, item in value.items()}
    if field.is_repeated:
        return [_single(item) for item in value]
    if field.cpp_type in _NUMBERS and value == 0 and field.name not in ZERO_MEANS_ZERO:
        return None
    if value is False and field.name not in FALSE_MEANS_FALSE:
        return None
    if value == "" and field.name not in EMPTY_MEANS_EMPTY:
        return None
    return _single(value)


def _single(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, str | bool | int | float):
        return value
    return to_object(value)


def _int_or_string(message: Any) -> int | str:
    return str(message.strVal) if message.type == 1 else int(message.intVal)


def _quantity(message: Any) -> str:
    return message.string or "0"


def _moment(message: Any) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
    except OverflowError as error:
        raise ValueError(f"a time out of range: {message.seconds} s") from error


def _time(message: Any) -> str | None:
    if not message.ListFields():
        return None
    return _moment(message).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(message: Any) -> str | None:
    if not message.ListFields():
        return None
    return _moment(message).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _duration(message: Any) -> str:
    return f"{message.duration / 1e9:.9f}".rstrip("0").rstrip(".") + "s"


def _embedded_json(message: Any) -> Any:
    raw = message.Raw if message.DESCRIPTOR.name == "FieldsV1" else message.raw
    try:
        return json.loads(raw) if raw else {}
    except RecursionError as error:
        raise ValueError("embedded JSON is nested too deeply") from error


def _items(message: Any) -> list[str]:
    return list(message.items)


_SPECIAL: Mapping[str, Callable[[Any], Any]] = {
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    "k8s.io.apimachinery.pkg.api.resource.Quantity": _quantity,
    f"{META}.Time": _time,
    f"{META}.MicroTime": _micro_time,
    f"{META}.Duration": _duration,
    f"{META}.FieldsV1": _embedded_json,
    f"{META}.Verbs": _items,
    f"{RUNTIME}.RawExtension": _embedded_json,
    "k8s.io.api.authentication.v1.ExtraValue": _items,
    "k8s.io.api.authorization.v1.ExtraValue": _items,
    "k8s.io.api.certificates.v1.ExtraValue": _items,
}
