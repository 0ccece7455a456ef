"""The classic traps in NetworkPolicies: what is valid, and hardly what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netcore.manifest.addresses import addresses
from netcore.manifest.policies import network_policy
from netcore.model.address import contains
from netcore.model.policy import Direction
from netcore.model.policy_settings import IpBlocks
from netcore.model.selector import LabelSelector
from netcore.packet.protocols import PROTOCOL_UDP
from netcore.policy.rows import Party, Question, port_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubehop.policy.world import World
    from netcore.model.pod import Pod
    from netcore.model.policy import IpBlock, Peer, Policy, PortMatch, Rule

Object = dict[str, Any]
_DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Complaint:
    """One trap: the policy and the field in it, what happens, and what was meant perhaps."""

    policy: str
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.policy}: {self.field}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Case:
    """A policy as manifest and as model, with the pods that it is about."""

    manifest: Object
    policy: Policy
    subjects: tuple[Pod, ...]
    world: World

    def complain(self, field: str, text: str) -> Complaint:
        return Complaint(str(self.policy), field, text)


def lint(world: World, manifests: list[Object]) -> list[Complaint]:
    """The traps in these NetworkPolicies, judged beside the pods and Services of the world."""
    found: list[Complaint] = []
    for manifest in manifests:
        policy = network_policy(manifest)
        subjects = tuple(
            pod
            for pod in world.snapshot.pods.values()
            if pod.namespace == policy.namespace and policy.pods.first_unmet(pod.labels) is None
        )
        case = _Case(manifest, policy, subjects, world)
        for check in _CHECKS:
            found += check(case)
    return found


def _selects_nothing(case: _Case) -> Iterator[Complaint]:
    if not case.subjects:
        space, selector = case.policy.namespace, case.policy.pods
        yield case.complain("podSelector", f'no pod in namespace "{space}" has {selector}')


def _lacks_its_type(case: _Case) -> Iterator[Complaint]:
    spec = case.manifest.get("spec") or {}
    for direction in Direction:
        name = direction.value.lower()
        if direction in case.policy.isolates or name not in spec:
            continue
        if spec[name]:
            text = f"its rules have no effect: policyTypes lacks {direction.value}"
        else:
            text = (
                f"it does not isolate: policyTypes has to name {direction.value}, an empty list "
                "does not say so by itself"
            )
        yield case.complain(name, text)


def _or_instead_of_and(case: _Case) -> Iterator[Complaint]:
    for field, rule in _rules(case.policy):
        for index, (peer, following) in enumerate(zip(rule.peers, rule.peers[1:], strict=False)):
            alone = peer.namespaces is not None and peer.pods == LabelSelector()
            own = following.namespaces is None and following.pods is not None
            if alone and own:
                ends = "from" if field.startswith("ingress") else "to"
                yield case.complain(
                    f"{field}.{ends}[{index}] and [{index + 1}]",
                    f"this is ALL pods of namespaces {peer.namespaces} OR pods {following.pods} of "
                    f'namespace "{case.policy.namespace}"; for both at once write podSelector '
                    "without a dash below namespaceSelector",
                )


def _cluster_ip_in_a_block(case: _Case) -> Iterator[Complaint]:
    if case.world.snapshot.config.policy.ip_blocks is IpBlocks.BEFORE_DNAT:
        return  # there it is the right way
    for field, rule in _rules(case.policy):
        for peer in rule.peers:
            for block in peer.blocks:
                for service, address in _service_addresses(case.world):
                    if _is_about(block, address):
                        yield case.complain(
                            field,
                            f"ipBlock {block} has the address of Service {service}: policies see "
                            "its endpoints, select the pods instead",
                        )


def _service_port(case: _Case) -> Iterator[Complaint]:
    """Ports that a Service has in front of the pods which are asked, where these have another."""
    for field, rule in _rules(case.policy):
        pods = case.subjects if field.startswith("ingress") else _selected(case, rule)
        for port in rule.ports:
            if port.name or port.first != port.last:
                continue
            for name, ports in _ports_of_services(case.world, pods):
                if port.first in ports and ports[port.first] != port.first:
                    yield case.complain(
                        field,
                        f"port {port.first} is that of Service {name}: its pods listen on "
                        f"{ports[port.first]}, which is the port that policies see",
                    )


def _selected(case: _Case, rule: Rule) -> tuple[Pod, ...]:
    """The pods that an egress rule selects by labels; none for a rule about everybody."""
    snapshot = case.world.snapshot
    return tuple(
        pod
        for pod in snapshot.pods.values()
        for peer in rule.peers
        if peer.pods is not None
        and peer.pods.first_unmet(pod.labels) is None
        and _is_within(case, peer, pod)
    )


def _is_within(case: _Case, peer: Peer, pod: Pod) -> bool:
    if peer.namespaces is None:
        return pod.namespace == case.policy.namespace
    namespace = case.world.snapshot.namespaces.get(pod.namespace)
    return namespace is not None and peer.namespaces.first_unmet(namespace.labels) is None


def _named_port(case: _Case) -> Iterator[Complaint]:
    for field, rule in _rules(case.policy):
        for port in rule.ports if field.startswith("ingress") else ():
            if port.name and case.subjects:
                yield from _named_port_of(case, field, port)


def _named_port_of(case: _Case, field: str, port: PortMatch) -> Iterator[Complaint]:
    named = [each for pod in case.subjects for each in pod.named_ports if each.name == port.name]
    if not named:
        yield case.complain(field, f'no selected pod has a port with the name "{port.name}"')
    elif not any(each.protocol == port.protocol for each in named):
        text = f'port "{port.name}" is {named[0].protocol} in the pods, not {port.protocol}'
        yield case.complain(field, text)


def _egress_without_dns(case: _Case) -> Iterator[Complaint]:
    policy = case.policy
    if Direction.EGRESS not in policy.isolates or not case.subjects:
        return
    if not any(_lets_dns_out(rule) for other in _egress_of(case) for rule in other.egress):
        yield case.complain(
            "egress",
            "the selected pods cannot ask for names: allow UDP and TCP port 53 to the pods "
            "k8s-app=kube-dns of kube-system",
        )


def _egress_of(case: _Case) -> Iterator[Policy]:
    """This policy and the others that let the same pods out."""
    yield case.policy
    first = case.subjects[0]
    for other in case.world.snapshot.all_policies.values():
        if other.namespace == first.namespace and other.pods.first_unmet(first.labels) is None:
            yield other


def _lets_dns_out(rule: Rule) -> bool:
    nobody = Party(b"\0\0\0\0", b"")
    asked = Question(Direction.EGRESS, nobody, nobody, PROTOCOL_UDP, _DNS_PORT)
    return not rule.ports or any(port_matches(port, asked) for port in rule.ports)


def _rules(policy: Policy) -> Iterator[tuple[str, Rule]]:
    for direction in Direction:
        for index, rule in enumerate(policy.rules(direction)):
            yield f"{direction.value.lower()}[{index}]", rule


def _is_about(block: IpBlock, address: bytes) -> bool:
    """Whether the block means the address, and not just everything around it."""
    return block.network.prefixlen >= len(address) * 8 - 16 and contains(block.network, address)


def _service_addresses(world: World) -> Iterator[tuple[str, bytes]]:
    for service in world.services:
        about = service["metadata"]
        for ip in addresses(service["spec"].get("clusterIPs") or ()):
            yield f"{about['namespace']}/{about['name']}", ip.packed


def _ports_of_services(world: World, pods: tuple[Pod, ...]) -> Iterator[tuple[str, dict[int, int]]]:
    """The Services that select one of the pods, with port -> number in the pod."""
    for service in world.services:
        about, spec = service["metadata"], service["spec"]
        wanted = spec.get("selector") or {}
        chosen = [
            pod
            for pod in pods
            if pod.namespace == about["namespace"] and wanted.items() <= pod.labels.items()
        ]
        if not wanted or not chosen:
            continue
        yield (
            f"{about['namespace']}/{about['name']}",
            {
                port["port"]: target
                for port in spec.get("ports") or ()
                if (target := _target_port(port, chosen)) is not None
            },
        )


def _target_port(port: Object, pods: list[Pod]) -> int | None:
    """Its number in the first of the pods that has it; a named one may differ between pods."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    named = (each for pod in pods for each in pod.named_ports)
    return next((each.port for each in named if each.name == target), None)


_CHECKS: tuple[Callable[[_Case], Iterator[Complaint]], ...] = (
    _selects_nothing,
    _lacks_its_type,
    _or_instead_of_and,
    _cluster_ip_in_a_block,
    _service_port,
    _named_port,
    _egress_without_dns,
)
