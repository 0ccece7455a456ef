"""The tables of volumes and their claims. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.tables.column import (
    UNSET,
    Cell,
    Object,
    Printer,
    age,
    columns,
    name,
    section,
)

if TYPE_CHECKING:
    from datetime import datetime

_SHORT = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def _modes(found: object) -> str:
    modes = found if isinstance(found, list) else []
    return ",".join(short for mode, short in _SHORT.items() if mode in modes)


def _storage(capacity: Object) -> str:
    return str(capacity.get("storage", ""))


def _class_of(obj: Object) -> str:
    annotated = section(obj, "metadata", "annotations").get(_CLASS)
    return str(annotated or section(obj, "spec").get("storageClassName") or "")


def _claim(obj: Object, now: datetime) -> list[Cell]:
    spec, status = section(obj, "spec"), section(obj, "status")
    phase = str(status.get("phase", ""))
    if section(obj, "metadata").get("deletionTimestamp"):
        phase = "Terminating"
    volume = str(spec.get("volumeName", ""))
    bound = bool(volume)
    return [
        name(obj),
        phase,
        volume,
        _storage(section(status, "capacity")) if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        _class_of(obj),
        spec.get("volumeAttributesClassName") or UNSET,
        age(obj, now),
        str(spec.get("volumeMode", UNSET)),
    ]


def _volume(obj: Object, now: datetime) -> list[Cell]:
    spec, status = section(obj, "spec"), section(obj, "status")
    claim = section(spec, "claimRef")
    phase = str(status.get("phase", ""))
    if section(obj, "metadata").get("deletionTimestamp"):
        phase = "Terminating"
    return [
        name(obj),
        _storage(section(spec, "capacity")),
        _modes(spec.get("accessModes")),
        str(spec.get("persistentVolumeReclaimPolicy", "")),
        phase,
        f"{claim.get('namespace', '')}/{claim['name']}" if claim.get("name") else "",
        _class_of(obj),
        spec.get("volumeAttributesClassName") or UNSET,
        str(status.get("reason", "")),
        age(obj, now),
        str(spec.get("volumeMode", UNSET)),
    ]


def _storage_class(obj: Object, now: datetime) -> list[Cell]:
    is_default = section(obj, "metadata", "annotations").get(_DEFAULT_CLASS) == "true"
    return [
        f"{name(obj)} (default)" if is_default else name(obj),
        str(obj.get("provisioner", "")),
        str(obj.get("reclaimPolicy") or "Delete"),
        str(obj.get("volumeBindingMode") or "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        age(obj, now),
    ]


CLAIM = Printer(
    columns(
        "Name",
        "Status",
        "Volume",
        "Capacity",
        "Access Modes",
        "StorageClass",
        "VolumeAttributesClass",
        "Age",
        wide=("VolumeMode",),
    ),
    _claim,
)
VOLUME = Printer(
    columns(
        "Name",
        "Capacity",
        "Access Modes",
        "Reclaim Policy",
        "Status",
        "Claim",
        "StorageClass",
        "VolumeAttributesClass",
        "Reason",
        "Age",
        wide=("VolumeMode",),
    ),
    _volume,
)
STORAGE_CLASS = Printer(
    columns(
        "Name", "Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", "Age"
    ),
    _storage_class,
)
