import socket

import pytest

from coredns_emu.options import parse_options
from coredns_emu.sockets import ListenAddress
from netcore.model.address import parse_address
from netcore.model.errors import ConfigError
from protos.member import source_towards

MINIMUM = ["--control-plane", "127.0.0.1:7443", "--listen", "127.0.0.1:53"]


def test_minimum():
    options = parse_options(MINIMUM)
    assert options.udp == options.tcp == (ListenAddress("127.0.0.1", 53),)
    assert options.resolv_conf == "/etc/resolv.conf"
    assert options.instance_id == socket.gethostname()
    assert (options.health, options.ready, options.advertise) == (None, None, ())


def test_everything():
    options = parse_options(
        [
            *("--control-plane", "unix:/run/control-plane", "--name", "dns-1"),
            *("--listen-udp", "fd://3", "--listen-tcp", "fd://4"),
            *("--advertise-address", "172.18.0.3", "--resolv-conf", "/tmp/resolv.conf"),
            *("--health-listen", "127.0.0.1:8080", "--ready-listen", "127.0.0.1:8181"),
        ]
    )
    assert (options.udp, options.tcp) == ((ListenAddress(fd=3),), (ListenAddress(fd=4),))
    assert options.advertise == (parse_address("172.18.0.3"),)
    assert options.instance_id == "dns-1"
    assert options.health == ListenAddress("127.0.0.1", 8080)
    assert options.ready == ListenAddress("127.0.0.1", 8181)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --control-plane"),
        (MINIMUM[:2], "nothing to listen at: give --listen IP:53"),
        ([*MINIMUM, "--listen", "fd://3"], "'fd://3' is no listen address"),
        ([*MINIMUM, "--advertise-address", "x"], "'x' is not an IP address"),
        ([*MINIMUM, "--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_options(arguments)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"coredns_emu: {message}")
    assert error.count("\n") == 1


def test_the_own_address_is_the_one_towards_the_control_plane():
    assert source_towards("127.0.0.1:7443") == parse_address("127.0.0.1")


def test_a_socket_file_tells_no_address():
    with pytest.raises(ConfigError, match="names no host"):
        source_towards("unix:/run/control-plane")


def test_metrics_are_served_where_it_is_said():
    at = ("--metrics-listen", "fd://5", "--metrics-listen", "[::1]:9153")
    options = parse_options(["--control-plane", "a:1", "--listen", "127.0.0.1:53", *at])
    assert [str(address) for address in options.metrics] == ["fd://5", "[::1]:9153"]
