"""Laws that every patch keeps, over pods made of what the schema treats differently."""

import contextlib
import copy

from hypothesis import given
from hypothesis import strategies as st

from controlplane.api.patch.apply import apply
from controlplane.api.patch.errors import PatchError
from controlplane.api.patch.managedfields import Writer, decode_owners, track_update
from controlplane.api.patch.merge import merge_patch
from controlplane.api.patch.order import merged_order
from controlplane.api.patch.paths import from_fields_v1, to_fields_v1, with_ancestors
from controlplane.api.patch.strategic import strategic_merge
from controlplane.api.patch.typed import compare, field_paths, merge, remove
from tests.support.definitions import schema

POD = schema("core.v1.Pod")
NAMES = st.sampled_from("abc")
TEXT = st.sampled_from(["1", "2", ""])


def records(**fields):
    return st.fixed_dictionaries({}, optional=fields)


def unique(item, key):
    return st.lists(item, max_size=3, unique_by=key)


CONTAINERS = unique(
    st.builds(
        lambda name, rest: {"name": name, **rest},
        NAMES,
        records(
            image=TEXT,
            args=st.lists(TEXT, max_size=2),
            env=unique(st.fixed_dictionaries({"name": NAMES, "value": TEXT}), lambda e: e["name"]),
        ),
    ),
    lambda c: c["name"],
)
PODS = st.fixed_dictionaries(
    {
        "metadata": records(
            labels=st.dictionaries(NAMES, TEXT, min_size=1, max_size=3),
            finalizers=st.lists(NAMES, max_size=3, unique=True),
        ),
        "spec": records(
            containers=CONTAINERS,
            nodeSelector=st.dictionaries(NAMES, TEXT, min_size=1, max_size=2),
            securityContext=st.fixed_dictionaries({"fsGroup": st.integers(0, 3)}),
            nodeName=TEXT,
        ),
    }
)
EMPTIED = {("f:metadata",), ("f:spec",)}
"""Maps that stay when everything in them is gone."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["a", "spec", "metadata", "containers", "name", "$patch", "$retainKeys",
                 "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)  # fmt: skip
OBJECTS = st.dictionaries(st.sampled_from(["spec", "metadata", "$patch"]), JSON)


def writer(name):
    return Writer(name, "v1", "2030-01-01T00:00:00Z")


def bare(obj):
    metadata = {k: v for k, v in obj.get("metadata", {}).items() if k != "managedFields"}
    return {**obj, "metadata": metadata}


@given(PODS, PODS)
def test_merging_twice_is_merging_once(live, patch):
    once = strategic_merge(live, patch, POD)
    assert strategic_merge(once, patch, POD) == once
    applied = merge(live, patch, POD)
    assert merge(applied, patch, POD) == applied
    merged = merge_patch(live, patch)
    assert merge_patch(merged, patch) == merged


@given(PODS, OBJECTS)
def test_any_strategic_patch_works_or_is_refused(live, patch):
    before = copy.deepcopy((live, patch))
    with contextlib.suppress(PatchError):
        strategic_merge(live, patch, POD)
    assert (live, patch) == before


@given(st.lists(NAMES), st.lists(NAMES))
def test_both_orders_are_kept(wanted, live):
    result = merged_order(wanted, live)
    assert sorted(result) == sorted({*wanted, *live})
    assert [key for key in result if key in wanted] == list(dict.fromkeys(wanted))
    others = dict.fromkeys(key for key in live if key not in wanted)
    assert [key for key in result if key in others] == list(others)


@given(PODS, PODS)
def test_field_sets_survive_their_json_form(one, two):
    for paths in (field_paths(one, POD), compare(one, two, POD).added):
        assert from_fields_v1(to_fields_v1(paths)) == paths


@given(PODS, PODS)
def test_compare_is_mirrored(one, two):
    there, back = compare(one, two, POD), compare(two, one, POD)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert there.modified == back.modified
    assert compare(one, one, POD).same


@given(PODS)
def test_nothing_is_left_of_what_is_removed(pod):
    emptied = remove(pod, with_ancestors(field_paths(pod, POD)) - EMPTIED, POD)
    assert field_paths(emptied, POD) <= EMPTIED


@given(PODS, PODS)
def test_applying_gives_what_was_applied_and_settles(live, applied):
    first = apply(live, applied, POD, writer("a"), force=True)
    assert merge(bare(first), applied, POD) == bare(first)
    assert apply(first, applied, POD, writer("a")) == first


@given(PODS, PODS)
def test_an_applier_can_take_everything_back(one, two):
    other = apply(None, two, POD, writer("other"))
    both = apply(other, one, POD, writer("me"), force=True)
    left = apply(both, {}, POD, writer("me"))
    assert "me" not in {owner.manager for owner in decode_owners(left).values()}
    assert field_paths(bare(left), POD) <= field_paths(bare(other), POD) | EMPTIED


@given(PODS, PODS)
def test_a_write_owns_what_it_changed_and_only_one_owner_is_left(one, two):
    created = track_update(None, one, POD, writer("creator"))
    changed = track_update(created, two, POD, writer("editor"))
    owners = {owner.manager: owner.paths for owner in decode_owners(changed).values()}
    assert not owners.get("creator", frozenset()) & owners.get("editor", frozenset())
    assert compare(one, two, POD).modified <= owners.get("editor", frozenset())
