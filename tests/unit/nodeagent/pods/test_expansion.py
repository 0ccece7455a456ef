import pytest

from nodeagent.pods.expansion import expand, expand_all


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(B)z", "x1y2z"),
        ("$(MISSING)", "$(MISSING)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$(A)", "$$(A)"),
        ("$A ${A} $( $", "$A ${A} $( $"),
        ("$()", "$()"),
    ],
)
def test_expand(text, expected):
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_values_are_not_expanded_again():
    assert expand("$(A)", {"A": "$(B)", "B": "2"}) == "$(B)"


def test_expand_all_keeps_order():
    assert expand_all(["$(A)", "b"], {"A": "1"}) == ("1", "b")
