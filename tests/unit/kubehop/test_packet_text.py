from kubehop.tracing.names import Names
from kubehop.tracing.outcome import outcome
from kubehop.tracing.packet_text import packet_text
from kubehop.tracing.packet_trace import PacketTrace, unix_ns
from tests.unit.kubehop.packetlines import ARMED, RESOLVED, SENDING, at, whole
from tests.unit.kubehop.tracelines import answered, sent

NAMES = Names(
    {
        "10.244.0.2": "pod web",
        "10.244.1.2": "pod db",
        "10.96.0.7": "Service backend",
        "172.18.0.11": "node n1",
        "172.18.0.12": "node n2",
    }
)
GOLDEN = """\
Trace 0badcafe: TCP SYN from pod default/web to backend:80 (10.244.0.2:40000 -> 10.96.0.7:80)
  name "backend" by the sender's /etc/resolv.conf:
    backend.default.svc.cluster.local A @ 10.96.0.10: NOERROR 10.96.0.7 (1.5 ms)

Request: TCP SYN, 60 bytes
  on n1, out of pod default/web, TTL 64
       +1 us  service    because  [row]
                         destination 10.96.0.7:80 (Service backend) becomes 10.244.1.2:80 (pod db)
       +2 us  encap      because  [row]
                         outer IP, UDP 172.18.0.11:50123 -> 172.18.0.12:4789, TTL 64, VNI 1
                         FDB: 0a:58:ac:12:00:0c is behind VTEP 172.18.0.12
                         conntrack entry SYN_SENT (new): 10.244.0.2:40000 -> 10.96.0.7:80, \
answers 10.244.1.2:80 -> 10.244.0.2:40000
            => into the VXLAN tunnel to node n2 (172.18.0.12), UDP 4789
  on n2, out of the VXLAN tunnel, from node n1, TTL 63
     +391 us  deliver    because  [row]
            => delivered to pod db

Reply: TCP SYN,ACK, 60 bytes
  on n2, out of pod default/db, TTL 64
     +491 us  encap      because  [row]
            => into the VXLAN tunnel to node n1 (172.18.0.11), UDP 4789
  on n1, out of the VXLAN tunnel, from node n2, TTL 63
     +891 us  conntrack  because  [row]
                         source 10.244.1.2:80 (pod db) becomes 10.96.0.7:80 (Service backend)
     +892 us  deliver    because  [row]
                         conntrack entry SYN_RECV (reply): 10.244.0.2:40000 -> 10.96.0.7:80, \
answers 10.244.1.2:80 -> 10.244.0.2:40000
            => delivered to pod web

Times are each node's own clock; between machines they may be apart.

Delivered: 10.244.1.2:80 (pod db) answered with SYN-ACK after 2.5 ms"""


def shown(*lines, every=False):
    trace = PacketTrace.of(lines, "pod default/web", "backend:80", "TCP")
    return "\n".join(packet_text(trace, outcome(trace, NAMES), NAMES, every=every))


def test_a_delivered_packet_hop_by_hop():
    assert shown(*whole()) == GOLDEN


def test_a_node_that_cannot_be_asked_is_said():
    lost = {"type": "warning", "node": "n3", "message": "gone"}
    assert "Not observed: node n3: gone" in shown(*whole(), lost)
    assert "Not observed: 3 packets" in shown({**lost, "node": "", "message": "3 packets"})


def test_later_packets_are_counted_or_shown():
    lines = [*whole(), at(sent("TCP ACK", 52), 950)]
    assert "1 more packets belong to the same connection" in shown(*lines)
    assert "Request: TCP ACK, 52 bytes" in shown(*lines, every=True)


def test_ends_of_ipv6_are_in_brackets():
    sending = {**SENDING, "source": "fd00::1", "destination": "fd00::2"}
    assert "([fd00::1]:40000 -> [fd00::2]:80)" in shown(ARMED, sending)


def test_a_name_in_etc_hosts_needs_no_server():
    lookup = {**RESOLVED, "by": "/etc/hosts", "questions": []}
    assert 'name "backend": 10.96.0.7 by /etc/hosts' in shown(ARMED, lookup, SENDING)


def test_an_unseen_packet_has_a_headline_and_an_outcome():
    assert shown(ARMED).splitlines()[-1].startswith("Failed: nothing was sent")
    assert unix_ns("") == 0


def test_packets_that_came_back_alone_are_shown():
    assert "Reply: TCP SYN,ACK" in shown(ARMED, SENDING, at(answered(), 5))
