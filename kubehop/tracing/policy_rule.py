"""What a hop of a policy stage says of the policies that decided."""

from __future__ import annotations

import re
from dataclasses import dataclass

STAGES = ("egress policy", "ingress policy")
_RULE = re.compile(r"(?P<kind>\S+) (?P<policies>\S+(?:, \S+)*?)(?: rule (?P<rule>.+))?")
_NONE = "no policy"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """`policies`: namespace/name of the one whose rule decided; without a rule, by default, those
    that isolate the pod. `rule`: its index or name.
    """

    kind: str
    policies: tuple[str, ...]
    rule: str = ""


def policy_rule(text: str) -> PolicyRule | None:
    """From a hop's rule: `NetworkPolicy shop/db rule 0`. None: no policy was asked."""
    found = None if text == _NONE else _RULE.fullmatch(text)
    if found is None:
        return None
    return PolicyRule(found["kind"], tuple(found["policies"].split(", ")), found["rule"] or "")
