"""Where the gRPC service listens."""

import pytest

from controlplane.rpc.listen import ListenAddr, parse_listen
from netcore.model.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0:7443", ListenAddr("tcp", "0.0.0.0:7443")),
        ("[::1]:0", ListenAddr("tcp", "[::1]:0")),
        ("unix:x.sock", ListenAddr("unix", "unix:x.sock")),
        ("unix:/run/x.sock", ListenAddr("unix", "unix:/run/x.sock")),
        ("unix:///run/x.sock", ListenAddr("unix", "unix:/run/x.sock")),
    ],
)
def test_addresses(text, expected):
    assert parse_listen(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "7443", "host:7443", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:-1", "unix:",
     "unix:/" + "x" * 200, "fd://3", "[::1:7"],
)  # fmt: skip
def test_what_is_none_is_refused_by_name_of_the_flag(text):
    with pytest.raises(ConfigError, match="--rpc-listen"):
        parse_listen(text)
