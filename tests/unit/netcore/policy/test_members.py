from netcore.model.selector import EVERYTHING, LabelSelector, Operator, Requirement, labelled
from netcore.policy.members import Members, MembersBuilder
from tests.support.cluster import pod

WEB = pod("web", 1, 2, labels={"app": "web", "tier": "front"})
WEB_TOO = pod("web-too", 2, 2, labels={"tier": "front", "app": "web"})
DB = pod("db", 1, 3, labels={"app": "db"})
BARE = pod("bare", 1, 4)


def members_of(*pods, base=None):
    builder = MembersBuilder(base or Members())
    for each in pods:
        builder.replace(None, each)
    return builder.finish()


def select(members, key, operator, *values):
    return members.selected(LabelSelector((Requirement(key, operator, values),)))


def test_pods_that_look_alike_share_a_bit():
    members = members_of(WEB, WEB_TOO, DB)
    assert members.bit(WEB) == members.bit(WEB_TOO) != members.bit(DB)
    assert members.everyone == members.bit(WEB) | members.bit(DB)
    assert members.bit(BARE) == 0


def test_each_operator_selects_what_it_means():
    members = members_of(WEB, DB, BARE)
    web, db, bare = (members.bit(each) for each in (WEB, DB, BARE))
    assert select(members, "app", Operator.IN, "web", "nobody") == web
    assert select(members, "app", Operator.NOT_IN, "web") == db | bare
    assert select(members, "app", Operator.EXISTS) == web | db
    assert select(members, "app", Operator.DOES_NOT_EXIST) == bare
    assert select(members, "no-such", Operator.EXISTS) == 0
    assert select(members, "no-such", Operator.NOT_IN, "x") == members.everyone
    assert members.selected(EVERYTHING) == members.everyone
    assert members.selected(labelled(app="web", tier="back")) == 0


def test_the_last_pod_takes_its_bit_with_it_and_another_gets_it():
    first = members_of(WEB, WEB_TOO, DB)
    builder = MembersBuilder(first)
    builder.replace(WEB, None)
    second = builder.finish()
    assert second.bit(WEB) == first.bit(WEB)
    builder = MembersBuilder(second)
    builder.replace(WEB_TOO, None)
    builder.replace(None, BARE)
    third = builder.finish()
    assert third.bit(WEB) == 0
    assert third.bit(BARE) == first.bit(WEB)
    assert "tier" not in third.by_label
    assert first.selected(labelled(tier="front")) == first.bit(WEB)  # the old picture stays


def test_changed_labels_make_another_member():
    changed = pod("db", 1, 3, labels={"app": "cache"})
    builder = MembersBuilder(members_of(WEB, DB))
    builder.replace(DB, changed)
    members = builder.finish()
    assert members.bit(DB) == 0
    assert members.selected(labelled(app="cache")) == members.bit(changed) != 0


def test_nothing_is_made_anew_for_a_change_that_policies_do_not_see():
    base = members_of(WEB)
    builder = MembersBuilder(base)
    builder.replace(WEB, pod("web", 1, 99, labels=WEB.labels))
    assert builder.finish() is base


def test_a_node_stands_for_its_host_network_pods():
    host = pod("proxy", 1, 5, host_network=True, labels={"app": "proxy"})
    members = members_of(WEB, host)
    assert members.of_node("node1") == members.bit(host)
    assert members.of_node("node2") == 0
    builder = MembersBuilder(members)
    builder.replace(host, None)
    assert builder.finish().of_node("node1") == 0


def test_what_is_not_known_cannot_go():
    builder = MembersBuilder(members_of(WEB))
    builder.replace(DB, None)
    assert builder.finish().everyone == members_of(WEB).everyone
