import pytest

from controlplane.api.patch.order import merged_order


@pytest.mark.parametrize(
    ("wanted", "live", "expected"),
    [
        ("ab", "ab", "ab"),
        ("ba", "ab", "ba"),
        ("ab", "axb", "axb"),
        ("ab", "xab", "xab"),
        ("ab", "abx", "abx"),
        ("", "abc", "abc"),
        ("nab", "ab", "nab"),
        ("ba", "axby", "xbay"),
        ("ac", "abcd", "abcd"),
    ],
)
def test_wanted_order_with_the_others_in_between(wanted, live, expected):
    assert "".join(merged_order(list(wanted), list(live))) == expected
