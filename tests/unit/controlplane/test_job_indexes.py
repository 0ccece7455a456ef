"""Completion indexes as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.api.strategies.job_indexes import (
    format_indexes,
    known_indexes,
    parse_indexes,
)
from netcore.model.errors import ConfigError


@pytest.mark.parametrize(
    ("indexes", "text"),
    [((), ""), ((3,), "3"), ((1, 2), "1,2"), ((0, 2, 3, 4, 7), "0,2-4,7")],
)
def test_text(indexes, text):
    assert format_indexes(indexes) == text
    assert parse_indexes(text, 10) == set(indexes)


@given(st.sets(st.integers(0, 200)))
def test_text_and_back(indexes):
    text = format_indexes(indexes)
    assert parse_indexes(text, 201) == known_indexes(text, 201) == indexes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", 'cannot convert string to integer for index: "x"'),
        ("1,", 'cannot convert string to integer for index: ""'),
        ("5", 'too large index: "5"'),
        ("1-2-3", 'the fragment "1-2-3" violates the requirement'),
        ("2-1", "non-increasing order, previous: 2, current: 1"),
        ("1,1", "non-increasing order, previous: 1, current: 1"),
    ],
)
def test_malformed_text(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_indexes(text, 5)


def test_what_a_status_has_too_much_is_left_out():
    assert known_indexes("1,x,3-9", 5) == {1, 3, 4}
