"""The command line."""

import socket

import pytest

from cloudlb.options import parse_options
from tests.unit.cloudlb.objects import ips


def test_defaults():
    options = parse_options(["--control-plane", "cp:7443"])
    assert options.control_plane == "cp:7443"
    assert (options.address, options.pool, options.name) == (None, None, "cloudlb")
    assert options.instance_id == socket.gethostname()


def test_everything():
    places = ["--control-plane", "unix:/cp", "--address", "fd00::5"]
    names = ["--name", "lb", "--instance-id", "x"]
    options = parse_options([*places, "--pool", "10.0.0.1-10.0.0.2", *names])
    assert options.address == ips("fd00::5")[0]
    assert str(options.pool) == "10.0.0.1-10.0.0.2"
    assert (options.name, options.instance_id) == ("lb", "x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "--control-plane"),
        ("--control-plane cp:1 --address nonsense", "'nonsense' is not an IP address"),
        ("--control-plane cp:1 --pool nonsense", "pool 'nonsense'"),
        ("--control-plane cp:1 --unknown", "--unknown"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        parse_options(arguments.split())
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cloudlb: ")
    assert message in line


def test_metrics_are_served_where_it_is_said(capsys):
    options = parse_options(["--control-plane", "a:1", "--metrics-listen", "[::1]:10253"])
    assert options.metrics == ("::1", 10253)
    for wrong in ("10253", "x:1", "127.0.0.1:x", "127.0.0.1:99999"):
        with pytest.raises(SystemExit):
            parse_options(["--control-plane", "a:1", "--metrics-listen", wrong])
        assert capsys.readouterr().err.startswith("cloudlb: ")
