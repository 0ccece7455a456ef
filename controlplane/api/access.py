"""Questions about the caller: who am I, what may I do. Every known user may do everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class User:
    """Who sends a request, as its credentials say."""

    name: str
    groups: tuple[str, ...] = ()


def answer_review(kind: str, obj: Object, user: User) -> Object:
    """The review with its status filled in."""
    return {**obj, "metadata": {**(obj.get("metadata") or {})}, "status": _status(kind, obj, user)}


def _status(kind: str, obj: Object, user: User) -> Object:
    if kind == "SelfSubjectReview":
        groups = [*user.groups, "system:authenticated"]
        return {"userInfo": {"username": user.name, "groups": groups}}
    if kind == "SelfSubjectRulesReview":
        everything = ["*"]
        return {
            "resourceRules": [
                {"verbs": everything, "apiGroups": everything, "resources": everything}
            ],
            "nonResourceRules": [{"verbs": everything, "nonResourceURLs": everything}],
            "incomplete": False,
        }
    return {"allowed": True, "reason": "kubehop lets every authenticated user do everything"}
