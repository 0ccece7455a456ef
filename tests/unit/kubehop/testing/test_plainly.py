import traceback

import pytest

from kubehop.testing.plainly import plainly
from netcore.model.errors import ConfigError


def deep():
    try:
        raise KeyError("inside")
    except KeyError as error:
        raise ConfigError("bad input") from error


@plainly
def ask(value):
    """What it does."""
    return value if value else deep()


def test_what_is_returned_is_returned():
    assert ask(3) == 3
    assert (ask.__name__, ask.__doc__) == ("ask", "What it does.")


def test_an_error_has_its_message_and_not_its_way():
    with pytest.raises(ConfigError, match="bad input") as raised:
        ask(0)

    shown = "".join(traceback.format_exception(raised.value))
    assert "inside" not in shown
    assert "deep" not in shown
    assert raised.value.__suppress_context__


def test_other_errors_are_left_as_they_are():
    @plainly
    def broken():
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug") as raised:
        broken()
    assert "broken" in [entry.name for entry in raised.traceback]
