import pytest

from netcore.conntrack.entry import ConntrackEntry, rewrite_between
from netcore.conntrack.timeouts import FlowState
from netcore.conntrack.tuple import FlowTuple
from netcore.packet.protocols import TCP_ACK, TCP_SYN
from netcore.packet.rewrite import Rewrite
from tests.support.cluster import GATEWAY, WEB
from tests.support.frames import PEER, POD

DIRECT = FlowTuple(6, POD, 40000, PEER, 8080)
TO_SERVICE = FlowTuple(6, POD, 40000, WEB, 80)


def entry(original: FlowTuple, reply: FlowTuple, state: FlowState = FlowState.ESTABLISHED):
    return ConntrackEntry(original, reply, state)


def test_without_translation_the_reply_is_the_original_reversed():
    plain = entry(DIRECT, DIRECT.reversed())
    assert not plain.is_dnat
    assert not plain.is_snat
    assert plain.translated(is_reply=False) == DIRECT
    assert plain.translated(is_reply=True) == DIRECT.reversed()


def test_dnat_replaces_the_destination_and_disguises_the_answer():
    dnat = entry(TO_SERVICE, DIRECT.reversed())
    assert dnat.is_dnat
    assert not dnat.is_snat
    assert dnat.translated(is_reply=False) == DIRECT
    assert dnat.translated(is_reply=True) == TO_SERVICE.reversed()


def test_snat_replaces_the_source():
    snat = entry(DIRECT, FlowTuple(6, PEER, 8080, GATEWAY, 61000))
    assert snat.is_snat
    assert not snat.is_dnat
    assert snat.translated(is_reply=False) == FlowTuple(6, GATEWAY, 61000, PEER, 8080)
    assert snat.translated(is_reply=True) == DIRECT.reversed()


@pytest.mark.parametrize("state", list(FlowState))
def test_only_a_syn_of_the_client_opens_only_a_finished_flow_anew(state):
    flow = entry(DIRECT, DIRECT.reversed(), state)
    finished = state in (FlowState.TIME_WAIT, FlowState.CLOSE)
    assert flow.may_restart(TCP_SYN, is_reply=False) is finished
    assert not flow.may_restart(TCP_SYN, is_reply=True)
    assert not flow.may_restart(TCP_ACK, is_reply=False)


def test_a_rewrite_names_only_what_differs():
    assert rewrite_between(DIRECT, DIRECT) is None
    assert rewrite_between(TO_SERVICE, DIRECT) == Rewrite(None, None, PEER, 8080, False)
    snat = DIRECT._replace(src=GATEWAY, src_port=61000)
    assert rewrite_between(DIRECT, snat) == Rewrite(GATEWAY, 61000, None, None, False)


def test_its_ends_are_who_began_and_who_answers():
    translated = entry(TO_SERVICE, FlowTuple(6, PEER, 8080, GATEWAY, 61000))
    for address, is_end in ((POD, True), (PEER, True), (WEB, False), (GATEWAY, False)):
        assert translated.has_end(frozenset((address,))) is is_end


def test_a_backend_is_that_of_a_frontend():
    assert entry(DIRECT, DIRECT.reversed()).backend_key is None
    frontend = (WEB, 6, 80)
    through = ConntrackEntry(
        TO_SERVICE, DIRECT.reversed(), FlowState.ESTABLISHED, frontend=frontend
    )
    assert through.backend_key == (frontend, (PEER, 8080))
