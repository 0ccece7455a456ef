"""Label selectors as kubectl's `-l` has them, over labels as Cilium prints them: `k8s:app=web`.

Source of the syntax: Kubernetes apimachinery pkg/labels/selector.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netcore.model.errors import ConfigError
from netcore.model.selector import LabelSelector, Operator, Requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_KEY = r"[A-Za-z0-9][A-Za-z0-9._/:-]*"
_VALUE = r"[A-Za-z0-9._-]*"
_COMPARISON = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_PRESENCE = re.compile(rf"(!?)\s*({_KEY})")
_BETWEEN = re.compile(r",(?![^(]*\))")


def label_selector(text: str) -> Callable[[Iterable[str]], bool]:
    """Whether labels are selected. A key may have its source before it: `k8s:app`, or not.

    Raises ConfigError for what is no selector.
    """
    requirements = [_requirement(part.strip(), text) for part in _BETWEEN.split(text)]
    selector = LabelSelector(tuple(requirements))

    def selects(labels: Iterable[str]) -> bool:
        known: dict[str, str] = {}
        for label in labels:
            key, _, value = label.partition("=")
            known[key] = value
            known[key.partition(":")[2]] = value
        return selector.first_unmet(known) is None

    return selects


def _requirement(part: str, whole: str) -> Requirement:
    if found := _COMPARISON.fullmatch(part):
        operator = Operator.NOT_IN if found[2] == "!=" else Operator.IN
        return Requirement(found[1], operator, (found[3],))
    if found := _SET.fullmatch(part):
        values = tuple(value.strip() for value in found[3].split(","))
        return Requirement(found[1], Operator.IN if found[2] == "in" else Operator.NOT_IN, values)
    if found := _PRESENCE.fullmatch(part):
        operator = Operator.DOES_NOT_EXIST if found[1] else Operator.EXISTS
        return Requirement(found[2], operator)
    raise ConfigError(f"{whole!r} is no label selector such as app=web,tier!=db or 'app in (a,b)'")
