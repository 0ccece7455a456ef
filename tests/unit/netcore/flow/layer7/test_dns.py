import pytest

from netcore.flow.layer7.dns import parse_dns

HEADER = bytes.fromhex("1234 0100 0001 0000 0000 0000")
QUESTION = b"\x03web\x07default\x00\x00\x01\x00\x01"


def answer(*records, flags="8580", question=QUESTION, count=None):
    many = len(records) if count is None else count
    head = bytes.fromhex(f"1234 {flags} 0001") + many.to_bytes(2, "big") + bytes(4)
    return head + question + b"".join(records)


def record(kind, data, ttl=30):
    return (
        b"\xc0\x0c"
        + kind.to_bytes(2, "big")
        + b"\0\1"
        + ttl.to_bytes(4, "big")
        + len(data).to_bytes(2, "big")
        + data
    )


def test_a_question():
    found = parse_dns(HEADER + QUESTION)
    assert found is not None
    assert found.number == 0x1234
    assert (found.record.query, found.record.qtypes) == ("web.default.", ("A",))
    assert not found.record.is_answer


def test_an_answer_with_addresses_of_both_families_and_an_alias():
    found = parse_dns(
        answer(
            record(5, b"\x05other\xc0\x10"),
            record(1, bytes((10, 96, 0, 50)), ttl=7),
            record(28, bytes(15) + b"\1", ttl=9),
        )
    )
    assert found is not None
    assert found.record.is_answer
    assert found.record.ips == ("10.96.0.50", "::1")
    assert found.record.cnames == ("other.default.",)
    assert found.record.ttl_s == 7


def test_no_such_name():
    found = parse_dns(answer(flags="8583"))
    assert found is not None
    assert found.record.rcode == 3


def test_a_type_without_a_name_and_the_root():
    found = parse_dns(HEADER + b"\x00\xff\x00\x00\x01")
    assert found is not None
    assert (found.record.query, found.record.qtypes) == (".", ("TYPE65280",))


def test_a_name_shows_what_is_no_plain_character():
    found = parse_dns(HEADER + b"\x04a.\x1b\\\x00\x00\x01\x00\x01")
    assert found is not None
    assert found.record.query == "a\\046\\027\\092."


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        HEADER,
        HEADER + QUESTION[:-3],
        HEADER + b"\xc0\x0c\x00\x01\x00\x01",  # a name that points to itself
        HEADER + b"\x80web\x00\x00\x01\x00\x01",
        HEADER + b"\x3f" + b"a" * 63 + b"\x3f" * 300,
        answer(count=2),
        answer(record(5, b"\xc0\xff")),
    ],
)
def test_what_is_no_message(payload):
    assert parse_dns(payload) is None


def test_a_truncated_answer_tells_what_it_has():
    whole = answer(record(1, bytes(4)), record(1, bytes(4)))
    found = parse_dns(whole[:-8])
    assert found is not None
    assert found.record.ips == ("0.0.0.0",)


def test_more_questions_than_one_are_not_told():
    assert parse_dns(bytes.fromhex("1234 0100 0002 0000 0000 0000") + QUESTION * 2) is None
