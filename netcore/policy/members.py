"""Which pods a selector means, as bits of one number.

Pods of one namespace with the same labels are one member: policies cannot tell them apart. Each
member has a bit, so that a set of pods, however many, is one integer, and a selector is a few ANDs
and ORs over the integers of the labels that it names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from netcore.model.pod import Pod
from netcore.model.selector import LabelSelector, Operator, Requirement

MemberKey = tuple[str, frozenset[tuple[str, str]]]
"""(namespace, labels)."""

_Masks = Mapping[str | None, int]


def member_key(pod: Pod) -> MemberKey:
    return (pod.namespace, frozenset(pod.labels.items()))


@dataclass(frozen=True, slots=True)
class Members:
    """All members that have pods. `with_pod` and `without_pod` give the next picture.

    `by_label`: label key -> value -> the members that have it; under None, with any value.
    `host_pods`: node -> the members of its hostNetwork pods, each with the number of these.
    """

    bits: Mapping[MemberKey, int] = field(default_factory=dict)
    pods: Mapping[MemberKey, int] = field(default_factory=dict)
    by_label: Mapping[str, _Masks] = field(default_factory=dict)
    by_namespace: Mapping[str, int] = field(default_factory=dict)
    everyone: int = 0
    host_pods: Mapping[str, Mapping[MemberKey, int]] = field(default_factory=dict)

    def bit(self, pod: Pod) -> int:
        """The pod's own bit; 0 for one that is not known."""
        return self.bits.get(member_key(pod), 0)

    def of_node(self, node_name: str) -> int:
        """The members that have hostNetwork pods on the node."""
        mask = 0
        for key in self.host_pods.get(node_name, ()):
            mask |= self.bits[key]
        return mask

    def selected(self, selector: LabelSelector) -> int:
        """The members, of every namespace, that the selector means."""
        mask = self.everyone
        for requirement in selector.requirements:
            mask &= self._meeting(requirement)
        return mask

    def _meeting(self, requirement: Requirement) -> int:
        masks = self.by_label.get(requirement.key, {})
        present = masks.get(None, 0)
        match requirement.operator:
            case Operator.EXISTS:
                return present
            case Operator.DOES_NOT_EXIST:
                return self.everyone & ~present
        having = 0
        for value in requirement.values:
            having |= masks.get(value, 0)
        return having if requirement.operator is Operator.IN else self.everyone & ~having


class MembersBuilder:
    """Takes in pods that come and go; copies each mapping of the base once, when it changes."""

    def __init__(self, base: Members) -> None:
        self._base = base
        self._everyone = base.everyone
        self._copies: dict[str, dict[Any, Any]] = {}
        self._copied_labels: set[str] = set()

    def replace(self, previous: Pod | None, pod: Pod | None) -> None:
        """`pod` is there now instead of `previous`; None: nothing was or is."""
        if previous is not None and pod is not None and _alike(previous, pod):
            return
        if pod is not None:
            self._add(pod, member_key(pod))
        if previous is not None:
            self._remove(previous, member_key(previous))

    def finish(self) -> Members:
        """The base itself when nothing has changed."""
        if not self._copies:
            return self._base
        return replace(self._base, everyone=self._everyone, **self._copies)

    def _add(self, pod: Pod, key: MemberKey) -> None:
        pods = self._writable("pods")
        pods[key] = pods.get(key, 0) + 1
        if pods[key] == 1:
            bit = ~self._everyone & (self._everyone + 1)  # the lowest one that is free
            self._writable("bits")[key] = bit
            self._everyone |= bit
            self._mark(key, bit)
        if pod.host_network:
            self._count_host_pod(pod.node_name, key, 1)

    def _remove(self, pod: Pod, key: MemberKey) -> None:
        pods = self._writable("pods")
        if key not in pods:
            return
        if pod.host_network:
            self._count_host_pod(pod.node_name, key, -1)
        pods[key] -= 1
        if not pods[key]:
            del pods[key]
            bit = self._writable("bits").pop(key)
            self._everyone &= ~bit
            self._mark(key, bit)

    def _mark(self, key: MemberKey, bit: int) -> None:
        """Sets the bit of a member in all masks that are to have it; clears it where it is set."""
        namespace, labels = key
        _flip(self._writable("by_namespace"), namespace, bit)
        for label, value in labels:
            masks = self._masks(label)
            _flip(masks, value, bit)
            _flip(masks, None, bit)
            if not masks:
                del self._writable("by_label")[label]
                self._copied_labels.discard(label)

    def _masks(self, label: str) -> dict[str | None, int]:
        by_label = self._writable("by_label")
        if label not in self._copied_labels:
            self._copied_labels.add(label)
            by_label[label] = dict(by_label.get(label, {}))
        masks: dict[str | None, int] = by_label[label]
        return masks

    def _count_host_pod(self, node_name: str, key: MemberKey, number: int) -> None:
        host_pods = self._writable("host_pods")
        counts = dict(host_pods.get(node_name, {}))
        counts[key] = counts.get(key, 0) + number
        host_pods[node_name] = {member: count for member, count in counts.items() if count}

    def _writable(self, name: str) -> dict[Any, Any]:
        copy = self._copies.get(name)
        if copy is None:
            copy = self._copies[name] = dict(getattr(self._base, name))
        return copy


def _alike(one: Pod, other: Pod) -> bool:
    """Whether policies see no difference."""
    return (one.namespace, one.labels, one.host_network, one.node_name) == (
        other.namespace,
        other.labels,
        other.host_network,
        other.node_name,
    )


def _flip(masks: dict[Any, int], key: Any, bit: int) -> None:
    mask = masks.get(key, 0) ^ bit
    if mask:
        masks[key] = mask
    else:
        del masks[key]
