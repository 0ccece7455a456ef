"""PersistentVolumeClaims. Sources: pkg/apis/core/v1/defaults.go, pkg/apis/core/validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, field_forbidden, not_supported, required
from controlplane.api.strategies.tree import child, grow, set_default, texts
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]
_MUTABLE = ("resources", "volumeAttributesClassName", "volumeName")


def default_claim(claim: Object) -> None:
    """What a claim has for itself or as a template of a StatefulSet."""
    set_default(grow(claim, "spec"), "volumeMode", "Filesystem")


class PersistentVolumeClaimStrategy(BaseStrategy):
    """A claim is bound at once: to the directory that a pod's agent makes for it."""

    def default(self, obj: Object) -> None:
        """A file system."""
        default_claim(obj)

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Bound, with what it asks for."""
        spec = grow(obj, "spec")
        set_default(spec, "volumeName", f"pvc-{obj['metadata']['uid']}")
        obj["status"] = {"phase": "Bound"}
        if spec.get("accessModes"):
            obj["status"]["accessModes"] = list(texts(spec, "accessModes"))
        requests = child(spec, "resources", "requests")
        if requests:
            obj["status"]["capacity"] = dict(requests)

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Access modes, the size, and that a claim stays what it is."""
        spec = child(obj, "spec")
        if old is not None:
            return _validate_kept(spec, child(old, "spec"))
        modes = texts(spec, "accessModes")
        errors = (
            [] if modes else [required("spec.accessModes", "at least 1 access mode is required")]
        )
        errors += [
            not_supported("spec.accessModes", mode, _MODES) for mode in modes if mode not in _MODES
        ]
        if not modes:
            errors.append(required("spec.accessModes", "at least 1 access mode is required"))
        if "storage" not in child(spec, "resources", "requests"):
            errors.append(required("spec.resources[storage]"))
        return errors


def _validate_kept(spec: Object, old: Object) -> list[FieldError]:
    def fixed(found: Object) -> Object:
        return {name: value for name, value in found.items() if name not in _MUTABLE}

    if fixed(spec) == fixed(old):
        return []
    detail = (
        "spec is immutable after creation except resources.requests and volumeAttributesClassName "
        "for bound claims"
    )
    return [field_forbidden("spec", detail)]
