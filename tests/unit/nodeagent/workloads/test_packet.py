"""The program that sends one packet, on loopback and against a DNS server of the test's own."""

import json
import socket
import struct
import threading
import time

import pytest

from nodeagent.workloads.flags import UsageError
from nodeagent.workloads.packet import names
from nodeagent.workloads.packet.dns_wire import (
    TYPE_A,
    TYPE_AAAA,
    Answer,
    BadAnswer,
    encode_question,
    parse_answer,
)
from nodeagent.workloads.packet.main import main
from nodeagent.workloads.packet.names import hosts_entries, look_up, parse_resolv_conf
from nodeagent.workloads.packet.sending import send
from nodeagent.workloads.packet.socket_errors import parse_error


def answer(question, *addresses, rcode=0):
    """A response to an encoded question, with A records."""
    query_id = struct.unpack_from("!H", question)[0]
    head = struct.pack("!6H", query_id, 0x8180 | rcode, 1, len(addresses), 0, 0)
    records = b"".join(
        b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 5, 4) + socket.inet_aton(address)
        for address in addresses
    )
    return head + question[12:] + records


def test_a_question_is_answered():
    question = encode_question(7, "web.default", TYPE_A)
    assert question[12:].startswith(b"\x03web\x07default\0")
    found = parse_answer(answer(question, "10.96.0.7", "10.96.0.8"), 7, TYPE_A)
    assert found == Answer("NOERROR", ("10.96.0.7", "10.96.0.8"))
    assert parse_answer(answer(question, rcode=3), 7, TYPE_A) == Answer("NXDOMAIN", ())
    assert parse_answer(answer(question, "10.96.0.7"), 7, TYPE_AAAA).addresses == ()


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64, "ä.de", ("a." * 130) + "b"])
def test_what_is_no_domain_name_is_not_asked_for(name):
    with pytest.raises((ValueError, UnicodeEncodeError), match=r"no domain name|ascii"):
        encode_question(1, name, TYPE_A)


def test_the_answer_to_another_question_is_refused():
    question = encode_question(7, "web", TYPE_A)
    with pytest.raises(BadAnswer, match="not an answer"):
        parse_answer(answer(question), 8, TYPE_A)
    with pytest.raises(BadAnswer, match="malformed"):
        parse_answer(answer(question, "10.0.0.1")[:-1], 7, TYPE_A)


def test_resolv_conf_says_servers_search_list_and_ndots():
    found = parse_resolv_conf(
        "# c\nnameserver 10.96.0.10\nnameserver nonsense\nsearch a.svc b.svc .\n"
        "options ndots:5 timeout:2 attempts:x rotate\n"
    )
    assert found.servers == ("10.96.0.10",)
    assert (found.ndots, found.timeout_s, found.attempts) == (5, 2, 2)
    assert found.candidates("web") == ["web.a.svc", "web.b.svc", "web"]
    assert found.candidates("web.") == ["web"]
    assert found.candidates("a.b.c.d.e.f")[0] == "a.b.c.d.e.f"


def test_hosts_entries_are_found_by_any_of_their_names():
    text = "127.0.0.1 localhost\n10.0.0.5 Web web.default # x other\nbad web\n"
    assert hosts_entries(text, "web") == ("10.0.0.5",)
    assert hosts_entries(text, "web.default.") == ("10.0.0.5",)
    assert hosts_entries(text, "other") == ()


@pytest.fixture
def server(tmp_path):
    """Answers questions for a name ending in `.found`; (etc directory, port, names asked)."""
    asked = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve():
            while True:
                question, peer = sock.recvfrom(4096)
                if question == b"end":
                    return
                asked.append(question)
                kind = question[-3]
                known = b"\x05found" in question and kind == TYPE_A
                sock.sendto(b"?", peer)  # garbage first: it is to be passed over
                rcode = 0 if b"\x05found" in question else 3
                reply = answer(question, *(["127.0.0.1"] if known else []), rcode=rcode)
                sock.sendto(reply, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        (tmp_path / "resolv.conf").write_text(
            "nameserver 127.0.0.1\nsearch lost found\noptions ndots:5\n"
        )
        yield tmp_path, sock.getsockname()[1], asked
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"end", sock.getsockname())
        thread.join(5)


def test_the_search_list_is_tried_in_order(server):
    etc, port, asked = server
    found = look_up("web", time.monotonic() + 5, etc, port)
    assert found.addresses == ("127.0.0.1",)
    assert [(q.name, q.kind, q.rcode) for q in found.questions] == [
        ("web.lost", "A", "NXDOMAIN"),
        ("web.lost", "AAAA", "NXDOMAIN"),
        ("web.found", "A", "NOERROR"),
        ("web.found", "AAAA", "NOERROR"),
    ]
    assert len(asked) == 4
    assert all(q.source_port for q in found.questions)
    shown = found.as_json()
    assert shown["questions"][2]["addresses"] == ["127.0.0.1"]
    assert json.loads(json.dumps(shown)) == shown


def test_a_name_nobody_knows_has_no_address(tmp_path):
    found = look_up("web", time.monotonic() + 1, tmp_path)
    assert (found.by, found.addresses, found.questions) == ("dns", (), [])


def test_a_silent_server_is_said(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions attempts:1\n")
        port = silent.getsockname()[1]
        found = look_up("web", time.monotonic() + 0.2, tmp_path, port)
    assert found.questions[0].rcode.startswith("no answer within")


def test_addresses_and_hosts_are_not_asked_for(tmp_path):
    (tmp_path / "hosts").write_text("127.0.0.9 web\n")
    assert look_up("10.0.0.1", 0, tmp_path).by == "literal"
    assert look_up("web", 0, tmp_path).addresses == ("127.0.0.9",)
    assert names.is_address("fd00::1")


def listener(kind):
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


def try_to_send(protocol, port, timeout_s=5.0):
    announced = []
    reply = send(protocol, "127.0.0.1", port, b"hello", timeout_s, announced.append)
    return announced[0], reply


def test_a_syn_is_answered_or_reset():
    with listener(socket.SOCK_STREAM) as server:
        port = server.getsockname()[1]
        sent, reply = try_to_send("TCP", port)
        accepted, peer = server.accept()
        accepted.close()
    assert (sent.source, sent.source_port, sent.destination_port) == (*peer, port)
    assert (reply.outcome, reply.text) == ("answered", "SYN-ACK")
    _, reply = try_to_send("TCP", port)
    assert (reply.outcome, reply.text) == ("refused", "connection refused")


def test_a_datagram_is_answered_refused_or_met_with_silence():
    with listener(socket.SOCK_DGRAM) as server:
        port = server.getsockname()[1]
        server.settimeout(5)

        def echo():
            data, peer = server.recvfrom(100)
            server.sendto(data, peer)

        thread = threading.Thread(target=echo)
        thread.start()
        _, reply = try_to_send("UDP", port)
        thread.join()
        assert (reply.outcome, reply.sender) == ("answered", "127.0.0.1")
        _, reply = try_to_send("UDP", port, 0.1)
        assert (reply.outcome, reply.text) == ("silence", "no answer within 0.1 s")
    _, reply = try_to_send("UDP", port)
    assert (reply.outcome, reply.text, reply.sender) == (
        "refused",
        "ICMP port unreachable",
        "127.0.0.1",
    )


def test_what_cannot_be_sent_says_why():
    reply = send("TCP", "fe80::1", 80, b"", 1, lambda _: None)
    assert reply.outcome == "failed"
    assert reply.text.startswith("nothing was sent: ")


def test_an_extended_error_names_the_icmp_error_and_its_sender():
    offender = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton("10.0.0.1"))
    data = struct.pack("=IBBBBII", 111, 2, 3, 13, 0, 0, 0) + offender
    found = parse_error(data)
    assert (found.text, found.sender) == ("administratively prohibited", "10.0.0.1")
    data = struct.pack("=IBBBBII", 111, 2, 3, 77, 0, 0, 0)
    assert parse_error(data).text == "ICMP type 3 code 77"
    assert parse_error(data[:5]) is None
    assert parse_error(struct.pack("=IBBBBII", 111, 1, 0, 0, 0, 0, 0)) is None
    six = struct.pack(
        "=HHI16s4x", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, "fd::1")
    )
    found = parse_error(struct.pack("=IBBBBII", 111, 3, 1, 4, 0, 0, 0) + six)
    assert (found.text, found.sender) == ("port unreachable", "fd::1")


def test_the_program_says_each_thing_on_a_line(capsys):
    with listener(socket.SOCK_STREAM) as server:
        port = server.getsockname()[1]
        assert main(["-protocol=tcp", f"-port={port}", "-timeout=5", "127.0.0.1"]) == 0
    sending, reply = map(json.loads, capsys.readouterr().out.splitlines())
    assert (sending["type"], sending["destinationPort"]) == ("sending", port)
    assert (reply["type"], reply["outcome"]) == ("reply", "answered")


def test_a_name_without_address_sends_nothing(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "nodeagent.workloads.packet.main.look_up",
        lambda name, until: look_up(name, until, tmp_path),
    )
    assert main(["-protocol=tcp", "-port=1", "web"]) == 1
    [resolved] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (resolved["type"], resolved["addresses"]) == ("resolved", [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage"),
        (["a", "b"], "usage"),
        (["-protocol=sctp", "a"], "none of TCP, UDP, ICMP"),
        (["-protocol=tcp", "a"], "port 0"),
        (["-protocol=tcp", "-port=65536", "a"], "port 65536"),
        (["-timeout=soon", "a"], "not a number"),
        (["-timeout=0", "a"], "above 0"),
        (["-timeout=nan", "a"], "above 0"),
    ],
)
def test_wrong_arguments_are_said(arguments, message):
    with pytest.raises(UsageError, match=message):
        main(arguments)
