"""Questions about who somebody is and what they may do: nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.access.attributes import Attributes
from controlplane.api.access.user import User
from controlplane.api.errors import bad_request

if TYPE_CHECKING:
    from controlplane.api.access.authorizer import Authorizer

Object = dict[str, Any]


def answer_review(
    kind: str, obj: Object, user: User, authorizer: Authorizer, namespace: str | None = None
) -> Object:
    """The review with its status filled in. Raises StatusError 400."""
    status = _status(kind, obj, user, authorizer, namespace)
    return {**obj, "metadata": {**(obj.get("metadata") or {})}, "status": status}


def _status(
    kind: str, obj: Object, user: User, authorizer: Authorizer, namespace: str | None
) -> Object:
    spec = obj.get("spec") or {}
    match kind:
        case "SelfSubjectReview":
            return {"userInfo": user.info()}
        case "SelfSubjectRulesReview":
            return _rules(user, str(spec.get("namespace") or ""), authorizer)
        case "SelfSubjectAccessReview":
            return _decided(user, spec, authorizer)
    about = User(
        str(spec.get("user") or ""),
        tuple(spec.get("groups") or ()),
        str(spec.get("uid") or ""),
    )
    if not about.name and not about.groups:
        raise bad_request("spec.user: at least one of user or groups must be specified")
    if kind == "LocalSubjectAccessReview":
        asked = (spec.get("resourceAttributes") or {}).get("namespace")
        if asked != namespace:
            raise bad_request(
                f"spec.resourceAttributes.namespace: must match the path: {namespace}"
            )
    return _decided(about, spec, authorizer)


def _decided(user: User, spec: Object, authorizer: Authorizer) -> Object:
    decision = authorizer.decide(user, _attributes(spec))
    return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}


def _attributes(spec: Object) -> Attributes:
    """Raises StatusError 400."""
    wanted: Object | None = spec.get("resourceAttributes")
    path: Object | None = spec.get("nonResourceAttributes")
    if (wanted is None) == (path is None):
        raise bad_request(
            "spec: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )
    if path is not None:
        return Attributes(str(path.get("verb") or ""), path=str(path.get("path") or ""))
    wanted = wanted or {}
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(*(str(wanted.get(name) or "") for name in names))


def _rules(user: User, namespace: str, authorizer: Authorizer) -> Object:
    if not namespace:
        raise bad_request("no namespace on request")
    resources: list[Object] = []
    paths: list[Object] = []
    for rule in authorizer.rules(user, namespace):
        if rule.get("nonResourceURLs"):
            paths.append(_picked(rule, ("verbs", "nonResourceURLs")))
        else:
            resources.append(_picked(rule, ("verbs", "apiGroups", "resources", "resourceNames")))
    return {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}


def _picked(rule: dict[str, Any], names: tuple[str, ...]) -> Object:
    return {name: rule[name] for name in names if rule.get(name)}
