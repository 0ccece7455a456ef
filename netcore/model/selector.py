"""Label selectors: which labels they accept, and what they miss in those that they do not.

Source: meta/v1 LabelSelector; staging/src/k8s.io/apimachinery/pkg/labels/selector.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Operator(Enum):
    """The operators of matchExpressions."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. matchLabels are `In` with a single value."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def accepts(self, value: str | None) -> bool:
        """Whether a label of this value meets it; None: there is no such label."""
        match self.operator:
            case Operator.IN:
                return value is not None and value in self.values
            case Operator.NOT_IN:
                return value is None or value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.DOES_NOT_EXIST:  # pragma: no branch: these are all there are
                return value is None

    def __str__(self) -> str:
        """As kubectl writes it: `app=web`, `tier in (a,b)`, `!debug`."""
        match self.operator:
            case Operator.IN if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"
            case _:
                word = "in" if self.operator is Operator.IN else "notin"
                return f"{self.key} {word} ({','.join(self.values)})"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements have to be met: one without any selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def first_unmet(self, labels: Mapping[str, str]) -> Requirement | None:
        """The first requirement that the labels do not meet, None when they are selected."""
        for requirement in self.requirements:
            if not requirement.accepts(labels.get(requirement.key)):
                return requirement
        return None

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements)) or "<everything>"


EVERYTHING = LabelSelector()


def labelled(**labels: str) -> LabelSelector:
    """The selector with these matchLabels."""
    return LabelSelector(
        tuple(Requirement(key, Operator.IN, (value,)) for key, value in labels.items())
    )
