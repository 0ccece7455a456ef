"""Lookups against any question, and the index against any order of changes."""

from hypothesis import given
from hypothesis import strategies as st

from netcore.dns.index import Index
from netcore.dns.lookup import lookup
from netcore.dns.names import (
    dashed,
    format_name,
    lower,
    parse_dashed,
    parse_name,
    parse_reverse,
    reverse_name,
)
from netcore.dns.records import Answer, Rcode
from netcore.dns.zones import Zones
from netcore.model.change import Change, NetworkObject
from netcore.model.namespace import Namespace
from netcore.model.pod import Pod
from tests.support.dns_cluster import build_index, endpoint, endpoint_slice, service

INDEX = build_index()
ZONES = Zones()
LABELS = st.one_of(
    st.sampled_from([b"svc", b"pod", b"prod", b"db", b"web", b"_http", b"_tcp", b"10-1-2-3"]),
    st.binary(min_size=1, max_size=20),
)
TAILS = st.sampled_from([(b"cluster", b"local"), (b"in-addr", b"arpa"), (b"ip6", b"arpa"), ()])
NAMES = st.tuples(st.lists(LABELS, max_size=7).map(tuple), TAILS).map(lambda parts: sum(parts, ()))


@given(NAMES, st.integers(0, 65535))
def test_every_question_has_an_answer(name, rtype):
    answer = lookup(INDEX, ZONES, name, rtype, 1)
    if ZONES.match(lower(name)) is None:
        assert answer == Answer(Rcode.REFUSED)
    elif answer.rcode is not Rcode.REFUSED:
        assert bool(answer.answers) != bool(answer.authority)
        assert all(record.name == name for record in answer.answers[:1])


@given(NAMES, st.sampled_from([1, 28, 33, 16, 5, 12, 255]))
def test_case_changes_no_facts(name, rtype):
    shouted = tuple(map(bytes.upper, name))
    quiet = lookup(INDEX, ZONES, lower(name), rtype, 1)
    loud = lookup(INDEX, ZONES, shouted, rtype, 1)
    assert (quiet.rcode, len(quiet.answers)) == (loud.rcode, len(loud.answers))


@given(st.ip_addresses())
def test_addresses_and_their_names(address):
    assert parse_reverse(reverse_name(address)) == address
    mapped = getattr(address, "ipv4_mapped", None)
    assert parse_dashed(dashed(address)) == (mapped or address)


@given(st.lists(st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True), min_size=1, max_size=8))
def test_names_survive_their_text(labels):
    name = tuple(label.encode() for label in labels)
    assert parse_name(format_name(name)) == name


ADDRESSES = [f"10.0.0.{i}" for i in range(4)]
CHANGES = st.one_of(
    st.builds(service, st.sampled_from("ab"), st.sampled_from(ADDRESSES)),
    st.builds(
        lambda name, suffix, ips: endpoint_slice(name, *map(endpoint, ips), suffix=suffix),
        st.sampled_from("ab"),
        st.sampled_from("12"),
        st.lists(st.sampled_from(ADDRESSES), max_size=3),
    ),
    st.builds(Namespace, st.sampled_from(["prod", "test"])),
    st.sampled_from([Pod("prod", "p", "u", "n")]),
).flatmap(lambda thing: st.builds(Change, st.just(thing), st.booleans()))


@given(st.lists(CHANGES, max_size=30))
def test_changes_add_up_to_the_last_state_of_each_object(changes):
    stepwise = Index()
    last: dict[tuple[type, object], NetworkObject] = {}
    for change in changes:
        stepwise.apply(change)
        key = (type(change.object), change.object.key)
        last.pop(key, None)
        if not change.deleted:
            last[key] = change.object
    assert vars(stepwise) == vars(build_index(list(last.values())))
