import json

import pytest

from kubehop.demo.requests import parse_answer


def fetched(body, total_ms=3.5):
    return json.dumps({"body": body, "totalMs": total_ms}).encode()


def test_the_answering_pod_is_named():
    answer = parse_answer(0, fetched("Hostname: backend-1\nIP: 10.244.0.2\nGET / HTTP/1.1\n"), b"")

    assert (answer.pod, answer.total_ms, answer.problem) == ("backend-1", 3.5, "")


def test_a_failed_request_says_why():
    assert parse_answer(1, b"", b"DNS: backend: unknown\n").problem == "DNS: backend: unknown"
    assert parse_answer(137, b"", b"").problem == "exit code 137"


@pytest.mark.parametrize("stdout", [b"", b"{}", b"[]", fetched("hello"), fetched(None)])
def test_a_stranger_is_no_backend(stdout):
    assert "not a backend's" in parse_answer(0, stdout, b"").problem
