import pytest

from netcore.service.modes.none import NoProxy
from tests.support.offers import backends, frontend, offer

WEB = frontend(*backends(1))


def test_nothing_is_found_and_nothing_refused():
    assert NoProxy().compile({WEB.key: WEB}).find(WEB.key) == (None, 1)
    assert not NoProxy().refuses_unknown_ports
    assert NoProxy().affinity_scope(WEB) == WEB.key


def test_there_is_nothing_to_choose():
    with pytest.raises(NotImplementedError):
        NoProxy().choose(offer(WEB))
