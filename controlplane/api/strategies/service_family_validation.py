"""What of a Service's cluster IPs, IP families and their policy does not fit together.

Source: Kubernetes pkg/apis/core/validation/validation.go
(ValidateServiceClusterIPsRelatedFields, validateUpgradeDowngradeClusterIPs and -IPFamilies).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from controlplane.api.errors import (
    FieldError,
    duplicate,
    field_forbidden,
    invalid_value,
    not_supported,
)
from controlplane.api.strategies.service_defaults import ADDRESSED_TYPES, is_headless
from controlplane.api.strategies.service_families import (
    PREFER_DUAL_STACK,
    REQUIRE_DUAL_STACK,
    SINGLE_STACK,
    family_of,
)
from controlplane.api.strategies.tree import texts

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

_FAMILIES = ["IPv4", "IPv6"]
_POLICIES = [PREFER_DUAL_STACK, REQUIRE_DUAL_STACK, SINGLE_STACK]
_FIXED = "may not change once set"
INVALID_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def is_address(text: str) -> bool:
    """Whether the text is an IP address of any family."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def validate_families(spec: Object) -> list[FieldError]:
    """What is wrong with the fields, whatever cluster they are for."""
    if spec.get("type") not in ADDRESSED_TYPES:
        return _of_no_address(spec)
    return _validate_policy(spec) + _validate_addresses(spec)


def _of_no_address(spec: Object) -> list[FieldError]:
    detail = "may not be set for ExternalName services"
    fields = [field for field in ("clusterIPs", "clusterIP") if spec.get(field)][:1]
    fields += [field for field in ("ipFamilies", "ipFamilyPolicy") if spec.get(field)]
    return [field_forbidden(f"spec.{field}", detail) for field in fields]


def _validate_policy(spec: Object) -> list[FieldError]:
    errors = []
    families = texts(spec, "ipFamilies")
    for index, family in enumerate(families):
        path = f"spec.ipFamilies[{index}]"
        if family not in _FAMILIES:
            errors.append(not_supported(path, family, _FAMILIES))
        if family in families[:index]:
            errors.append(duplicate(path, family))
    policy = spec.get("ipFamilyPolicy")
    if policy and policy not in _POLICIES:
        errors.append(not_supported("spec.ipFamilyPolicy", policy, _POLICIES))
    return errors


def _validate_addresses(spec: Object) -> list[FieldError]:
    ips = texts(spec, "clusterIPs")
    errors = []
    if ips and spec.get("clusterIP") and ips[0] != spec["clusterIP"]:
        detail = "first value must match `clusterIP`"
        errors.append(invalid_value("spec.clusterIPs", ips, detail))
    if "None" in ips[:1] and len(ips) > 1:
        detail = "'None' must be the first and only value"
        return [*errors, invalid_value("spec.clusterIPs", ips, detail)]
    if len(ips) > 2:
        errors.append(invalid_value("spec.clusterIPs", ips, "may only hold up to 2 values"))
    if ips == ["None"]:
        return errors
    wrong = [
        invalid_value(f"spec.clusterIPs[{index}]", text, INVALID_ADDRESS)
        for index, text in enumerate(ips)
        if not is_address(text)
    ]
    return errors + (wrong or _validate_pairs(ips, texts(spec, "ipFamilies")))


def _validate_pairs(ips: list[str], families: list[str]) -> list[FieldError]:
    errors = []
    if len({family_of(text) for text in ips}) < len(ips):
        detail = "may specify no more than one IP for each IP family"
        errors.append(invalid_value("spec.clusterIPs", ips, detail))
    for index, (text, family) in enumerate(zip(ips, families, strict=False)):
        if family in _FAMILIES and family_of(text) != family:
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            errors.append(invalid_value(f"spec.clusterIPs[{index}]", text, detail))
    return errors


def validate_family_change(spec: Object, old: Object) -> list[FieldError]:
    """The primary address and family stay; a secondary one comes and goes by the policy."""
    both = (spec, old)
    if any(each.get("type") not in ADDRESSED_TYPES for each in both):
        return []
    if is_headless(spec) and is_headless(old):
        return []
    errors = _validate_kept(spec, old, "clusterIPs", "clusterIP")
    if not any(map(is_headless, both)):
        errors += _validate_kept(spec, old, "ipFamilies", "ipFamily")
    return errors


def _validate_kept(spec: Object, old: Object, field: str, singular: str) -> list[FieldError]:
    before, now = texts(old, field), texts(spec, field)
    errors = [
        invalid_value(f"spec.{field}[{index}]", now, _FIXED)
        for index, (was, is_now) in enumerate(zip(before, now, strict=False))
        if was != is_now
    ]
    if before and not now:
        detail = f"primary {singular} can not be unset"
        errors.append(invalid_value(f"spec.{field}[0]", now, detail))
    if len(before) > len(now) == 1 and spec.get("ipFamilyPolicy") != SINGLE_STACK:
        detail = f"must be set to 'SingleStack' when releasing the secondary {singular}"
        errors.append(invalid_value("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), detail))
    return errors
