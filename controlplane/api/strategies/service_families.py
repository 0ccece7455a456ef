"""Which IP families a Service has: ipFamilies and ipFamilyPolicy, given or inferred.

Source: Kubernetes pkg/registry/core/service/storage/alloc.go (initIPFamilyFields). Families are
never added or taken away but by what the Service itself says.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, invalid_value
from controlplane.api.strategies.service_defaults import ADDRESSED_TYPES, is_headless
from controlplane.api.strategies.tree import set_default, texts

if TYPE_CHECKING:
    from collections.abc import Collection

    from controlplane.api.strategies.tree import Object

SINGLE_STACK = "SingleStack"
PREFER_DUAL_STACK = "PreferDualStack"
REQUIRE_DUAL_STACK = "RequireDualStack"
_OTHER = {"IPv4": "IPv6", "IPv6": "IPv4"}


def family_of(text: str) -> str:
    """IPv4 or IPv6, as ipFamilies name them."""
    return f"IPv{ip_address(text).version}"


def settle_families(spec: Object, old: Object, cluster: Collection[str]) -> list[FieldError]:
    """Fills in the families of a Service, or says why it cannot have them.

    `spec` passed `validate_families`. `old` is the spec before an update, else empty. `cluster`
    are the families of the cluster, the primary one first.
    """
    if spec.get("type") not in ADDRESSED_TYPES or _stays_as_it_is(spec, old):
        return []
    selectorless = is_headless(spec) and not spec.get("selector")
    default = REQUIRE_DUAL_STACK if selectorless else SINGLE_STACK
    set_default(spec, "ipFamilyPolicy", old.get("ipFamilyPolicy") or default)
    errors = _release_secondary(spec, old) if old else []
    errors += _too_many_for_policy(spec)
    errors += _infer_from_addresses(spec, cluster)
    if errors:
        return errors
    if selectorless:  # its endpoints are anybody's, so the cluster's families do not matter
        _complete(spec, cluster, dual=True)
        return []
    errors = _not_of_this_cluster(spec, cluster)
    if not errors:
        _complete(spec, cluster, dual=len(cluster) > 1)
    return errors


def _stays_as_it_is(spec: Object, old: Object) -> bool:
    """A PreferDualStack Service is not up- or downgraded because the cluster has changed."""
    same = ("type", "ipFamilyPolicy", "clusterIPs", "ipFamilies")
    return (
        spec.get("ipFamilyPolicy") == PREFER_DUAL_STACK
        and bool(spec.get("ipFamilies"))
        and all(spec.get(field) == old.get(field) for field in same)
    )


def _release_secondary(spec: Object, old: Object) -> list[FieldError]:
    """SingleStack is a clear wish; to leave an address out is none."""
    policy = spec["ipFamilyPolicy"]
    if policy == SINGLE_STACK:
        for field in ("clusterIPs", "ipFamilies"):
            if len(texts(spec, field)) > 1 and spec[field] == old.get(field):
                spec[field] = spec[field][:1]
        return []
    return [
        invalid_value("spec.ipFamilyPolicy", policy, f"must be 'SingleStack' to release {what}")
        for field, what in (
            ("clusterIPs", "the secondary cluster IP"),
            ("ipFamilies", "the secondary IP family"),
        )
        if len(texts(old, field)) == 2
        and len(texts(spec, field)) == 1
        and texts(old, field)[0] == texts(spec, field)[0]
    ]


def _too_many_for_policy(spec: Object) -> list[FieldError]:
    if spec["ipFamilyPolicy"] != SINGLE_STACK:
        return []
    return [
        invalid_value(
            "spec.ipFamilyPolicy",
            SINGLE_STACK,
            f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified",
        )
        for field, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families"))
        if len(texts(spec, field)) == 2
    ]


def _infer_from_addresses(spec: Object, cluster: Collection[str]) -> list[FieldError]:
    errors = []
    families = texts(spec, "ipFamilies")
    ips = texts(spec, "clusterIPs")
    for index, text in enumerate(ips):
        if text == "None" or index < len(families):
            continue
        family = family_of(text)
        if family in cluster:
            families.append(family)
        else:
            detail = f"{family} is not configured on this cluster"
            errors.append(invalid_value(f"spec.clusterIPs[{index}]", ips, detail))
    if families:
        spec["ipFamilies"] = families
    return errors


def _not_of_this_cluster(spec: Object, cluster: Collection[str]) -> list[FieldError]:
    errors = []
    policy = spec["ipFamilyPolicy"]
    if policy == REQUIRE_DUAL_STACK and len(cluster) < 2:
        detail = "this cluster is not configured for dual-stack services"
        errors.append(invalid_value("spec.ipFamilyPolicy", policy, detail))
    return errors + [
        invalid_value(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
        for index, family in enumerate(texts(spec, "ipFamilies"))
        if family not in cluster
    ]


def _complete(spec: Object, cluster: Collection[str], *, dual: bool) -> None:
    families = texts(spec, "ipFamilies") or [next(iter(cluster))]
    if dual and len(families) == 1 and spec["ipFamilyPolicy"] != SINGLE_STACK:
        families.append(_OTHER[families[0]])
    spec["ipFamilies"] = families
