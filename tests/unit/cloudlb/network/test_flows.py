"""Which node a flow went to."""

from cloudlb.network.flows import FlowTable


def test_a_flow_is_forgotten_when_it_is_idle():
    table = FlowTable[str](idle_s=10)
    table.put("a", b"n1", 0)
    assert table.find("a", 10) == b"n1"
    assert table.find("a", 20) == b"n1", "having been found counts as use"
    assert table.find("a", 30.1) is None
    assert len(table) == 0
    assert table.find("b", 0) is None


def test_a_full_table_forgets_who_was_idle_for_longest():
    table = FlowTable[str](max_entries=2)
    table.put("a", b"n1", 0)
    table.put("b", b"n2", 1)
    assert table.find("a", 2) == b"n1"
    table.put("c", b"n3", 3)
    assert [table.find(key, 3) for key in "abc"] == [b"n1", None, b"n3"]


def test_expire():
    table = FlowTable[str](idle_s=10)
    table.put("a", b"n1", 0)
    table.put("b", b"n2", 5)
    table.put("a", b"n3", 6)
    table.expire(15.5)
    assert [table.find(key, 15.5) for key in "ab"] == [b"n3", None]
    table.expire(100)
    assert len(table) == 0
