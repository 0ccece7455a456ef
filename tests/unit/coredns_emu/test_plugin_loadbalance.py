from random import Random

from dnslib import CNAME, MX, QTYPE, RR, SRV, A

from coredns_emu.plugins.loadbalance import LoadBalance
from coredns_emu.query import parse_query
from coredns_emu.reply import Reply
from tests.support.dns_wire import question

QUERY = parse_query(question("a.b"))


def address(number: int) -> RR:
    return RR("a.b", QTYPE.A, rdata=A((10, 0, 0, number)))


def serve(reply: Reply, seed: int = 1) -> Reply:
    return LoadBalance(Random(seed)).serve(QUERY, lambda _query: reply)


def test_every_order_of_addresses_comes_up():
    reply = Reply(answers=tuple(map(address, range(3))))
    orders = {tuple(map(str, serve(reply, seed).answers)) for seed in range(60)}
    assert len(orders) == 6


def test_aliases_come_first_and_services_stay_in_order():
    services = [RR("a.b", QTYPE.SRV, rdata=SRV(0, 50, port, "c.d")) for port in range(5)]
    alias = RR("a.b", QTYPE.CNAME, rdata=CNAME("c.d"))
    exchanger = RR("a.b", QTYPE.MX, rdata=MX("c.d"))
    answers = (exchanger, address(1), *services, alias)
    assert serve(Reply(answers=answers)).answers == (alias, *services, address(1), exchanger)


def test_additional_addresses_are_shuffled_too():
    reply = Reply(additional=tuple(map(address, range(8))))
    shuffled = serve(reply).additional
    assert shuffled != reply.additional
    assert sorted(map(str, shuffled)) == sorted(map(str, reply.additional))


async def test_replies_that_come_later():
    async def later(_query) -> Reply:
        return Reply(answers=tuple(map(address, range(8))))

    reply = await LoadBalance(Random(1)).serve(QUERY, later)
    assert len(reply.answers) == 8
