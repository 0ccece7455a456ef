import pytest

from nodeagent.workloads.agnhost.connect import parse_duration, split_address
from nodeagent.workloads.flags import UsageError, parse_flags

DEFAULTS = {"port": 80, "text": "", "udp": False}


@pytest.mark.parametrize(
    "args",
    [
        ["--port", "8080", "-text=a=b", "--udp", "x"],
        ["-port=8080", "x", "--text", "a=b", "-udp=true"],
    ],
)
def test_all_spellings(args):
    assert parse_flags(args, DEFAULTS) == ({"port": 8080, "text": "a=b", "udp": True}, ["x"])


def test_two_dashes_end_the_flags():
    assert parse_flags(["--", "--port"], DEFAULTS)[1] == ["--port"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--nope"], "unknown flag: --nope"),
        (["--port"], "needs an argument"),
        (["--port=x"], "not a number"),
        (["--udp=maybe"], "invalid boolean"),
    ],
)
def test_what_is_wrong_is_said(args, message):
    with pytest.raises(UsageError, match=message):
        parse_flags(args, DEFAULTS)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("1m30s", 90), ("0", 0), ("1.5s", 1.5)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1s "])
def test_no_durations(text):
    with pytest.raises(UsageError):
        parse_duration(text)


def test_addresses():
    assert split_address("[fd00::1]:80") == ("fd00::1", 80)
    assert split_address(":80") == ("", 80)
    for bad in ("x", "x:", "x:99999", "x:y"):
        with pytest.raises(UsageError):
            split_address(bad)
