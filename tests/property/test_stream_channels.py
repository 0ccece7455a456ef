"""Any bytes of a client are an input or nothing."""

from hypothesis import given
from hypothesis import strategies as st

from controlplane.api.streams.channels import PROTOCOLS, parse_input
from controlplane.rpc.agent_types import Resize, Stdin, StdinClosed


@given(st.binary(), st.sampled_from(PROTOCOLS))
def test_any_bytes(message, protocol):
    assert isinstance(parse_input(message, protocol), Stdin | StdinClosed | Resize | None)


@given(st.binary(), st.sampled_from(PROTOCOLS))
def test_any_terminal_size(data, protocol):
    assert isinstance(parse_input(b"\4" + data, protocol), Resize | None)


@given(st.binary(min_size=1), st.sampled_from(PROTOCOLS))
def test_stdin_is_passed_unchanged(data, protocol):
    assert parse_input(b"\0" + data, protocol) == Stdin(data)
