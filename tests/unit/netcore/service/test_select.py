from netcore.service.frontend import Backend, Frontend
from netcore.service.select import select_round_robin
from tests.support.cluster import WEB, service
from tests.support.frames import PEER, POD


def frontend(*backends: Backend) -> Frontend:
    web = service("web", 50)
    return Frontend((WEB, 6, 80), web, web.ports[0], backends)


def test_every_backend_has_its_turn_and_then_the_first_again():
    first, second = Backend(POD, 8080), Backend(PEER, 8080)
    both = frontend(first, second)
    assert [select_round_robin(both, turn) for turn in range(4)] == [first, second, first, second]


def test_nobody_to_select():
    assert select_round_robin(frontend(), 7) is None
