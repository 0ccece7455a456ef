"""All policies of a cluster, compiled for those pods that somebody asks about."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from netcore.model.namespace import Namespace
from netcore.model.node import Node
from netcore.model.pod import Pod
from netcore.model.policy import Direction, Policy, PolicyKey, PolicyKind
from netcore.policy.judgement import RuleReference
from netcore.policy.members import MemberKey, Members, member_key
from netcore.policy.rows import NO_ROWS, Compiler, Row, Rows

_Compiled = tuple[int, tuple[Row, ...], tuple[Row, ...]]


@dataclass(frozen=True, slots=True)
class World:
    """What selectors select from."""

    members: Members
    namespaces: Mapping[str, Namespace]
    nodes: Mapping[str, Node]

    @property
    def labels(self) -> dict[str, Mapping[str, str]]:
        """The labels of the namespaces."""
        return {name: namespace.labels for name, namespace in self.namespaces.items()}


@dataclass(slots=True)
class _Memo:
    """What was compiled already; never changes what is true, only how fast it is known."""

    compiler: Compiler
    policies: dict[PolicyKey, _Compiled] = field(default_factory=dict)
    rows: dict[tuple[MemberKey, Direction], Rows] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyTable:
    """A frozen picture. Each policy is compiled once a picture at the most, when a pod that it may
    be about is first asked for; a look-up after that costs the same however many pods there are.
    """

    policies: Mapping[PolicyKey, Policy] = field(default_factory=dict)
    by_namespace: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)
    members: Members = field(default_factory=Members, compare=False)
    _memo: _Memo = field(default_factory=lambda: _Memo(Compiler(Members(), {}, ())), compare=False)

    def rows(self, pod: Pod, direction: Direction) -> Rows:
        """What is held against the connections of this pod."""
        if not self.policies:
            return NO_ROWS
        key = (member_key(pod), direction)
        found = self._memo.rows.get(key)
        if found is None:
            found = self._memo.rows[key] = self._rows(pod, direction)
        return found

    def compile(self, pods: Iterable[Pod]) -> None:
        """Have everything ready for these pods now, and not when their first packets come."""
        for pod in pods:
            for direction in Direction:
                self.rows(pod, direction)

    def selecting(self, pod: Pod) -> Iterator[Policy]:
        """The policies that are about this pod, in the order in which they are asked."""
        bit = self.members.bit(pod)
        for policy in (*self.by_namespace.get("", ()), *self.by_namespace.get(pod.namespace, ())):
            if self._compiled(policy)[0] & bit:
                yield policy

    def _rows(self, pod: Pod, direction: Direction) -> Rows:
        isolating: list[RuleReference] = []
        tiers: dict[PolicyKind, list[Row]] = {kind: [] for kind in PolicyKind}
        for policy in self.selecting(pod):
            if policy.kind is PolicyKind.NETWORK:
                if direction not in policy.isolates:
                    continue
                isolating.append(RuleReference(policy.kind, policy.namespace, policy.name))
            _, ingress, egress = self._compiled(policy)
            tiers[policy.kind] += ingress if direction is Direction.INGRESS else egress
        return Rows(
            admin=tuple(tiers[PolicyKind.ADMIN]),
            isolating=tuple(isolating),
            network=tuple(tiers[PolicyKind.NETWORK]),
            baseline=tuple(tiers[PolicyKind.BASELINE]),
        )

    def _compiled(self, policy: Policy) -> _Compiled:
        found = self._memo.policies.get(policy.key)
        if found is None:
            compiler = self._memo.compiler
            found = self._memo.policies[policy.key] = (
                compiler.subjects(policy),
                compiler.rows(policy, Direction.INGRESS),
                compiler.rows(policy, Direction.EGRESS),
            )
        return found


def policy_table(
    policies: Mapping[PolicyKey, Policy], world: World, previous: PolicyTable | None = None
) -> PolicyTable:
    """The table of these policies; NO_POLICIES when there are none.

    With a `previous` table of the same world only what has changed is compiled anew.
    """
    if not policies:
        return NO_POLICIES
    by_namespace: dict[str, list[Policy]] = {}
    for policy in policies.values():
        by_namespace.setdefault(policy.namespace, []).append(policy)
    if previous is None or previous is NO_POLICIES:
        memo = _Memo(Compiler(world.members, world.labels, world.nodes.values()))
    else:
        memo = _Memo(previous._memo.compiler)
        memo.policies = {
            key: compiled
            for key, compiled in previous._memo.policies.items()
            if policies.get(key) is previous.policies.get(key)
        }
    return PolicyTable(
        policies,
        {name: tuple(sorted(found, key=_order)) for name, found in by_namespace.items()},
        world.members,
        memo,
    )


def _order(policy: Policy) -> tuple[int, int, str]:
    return (_TIERS.index(policy.kind), policy.priority, policy.name)


_TIERS: Final = tuple(PolicyKind)
NO_POLICIES: Final = PolicyTable()
