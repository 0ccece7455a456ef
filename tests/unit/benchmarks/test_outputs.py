import json

import pytest

from benchmarks.outputs import (
    BadOutput,
    busy_ticks,
    ping_round_trip,
    tcp_transfer,
    udp_packets_s,
    wrk_rate,
)

WRK = """Running 1s test @ http://10.96.0.50/
  1 threads and 16 connections
  18712 requests in 1.10s, 4.91MB read
{extra}Requests/sec:  17011.83
Transfer/sec:      4.46MB
"""


def iperf3(**received):
    return json.dumps({"start": {}, "end": {"sum_sent": {}, "sum_received": received}})


def replies(times_ms):
    return "\n".join(
        f"64 bytes from 10.244.1.2: icmp_seq={n} ttl=62 time={time} ms"
        for n, time in enumerate(times_ms)
    )


def test_tcp_is_what_the_receiver_got():
    found = tcp_transfer(iperf3(bits_per_second=10.2e9, bytes=1_275_000_000))
    assert found == (10.2, 1_275_000_000)


def test_udp_counts_only_packets_that_arrived():
    assert udp_packets_s(iperf3(seconds=2, packets=1000, lost_packets=400)) == 300


def test_the_words_of_iperf3_are_kept():
    with pytest.raises(BadOutput, match="the server is busy"):
        tcp_transfer(json.dumps({"error": "the server is busy"}))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"end": {}}', '{"end": {"sum_received": 1}}']
)
def test_iperf3_without_a_result(text):
    with pytest.raises(BadOutput, match="iperf3"):
        tcp_transfer(text)


def test_udp_without_a_length():
    with pytest.raises(BadOutput, match="no length"):
        udp_packets_s(iperf3(seconds=0, packets=1, lost_packets=0))


def test_wrk_rate():
    assert wrk_rate(WRK.format(extra="")) == 17011.83


@pytest.mark.parametrize(
    "extra",
    [
        "  Socket errors: connect 0, read 3, write 0, timeout 0\n",
        "  Non-2xx or 3xx responses: 12\n",
    ],
)
def test_failed_requests_make_the_rate_void(extra):
    with pytest.raises(BadOutput, match=extra.strip()):
        wrk_rate(WRK.format(extra=extra))


@pytest.mark.parametrize("text", ["", "Requests/sec:      0.00\n", "unable to connect"])
def test_wrk_without_a_rate(text):
    with pytest.raises(BadOutput, match="no requests per second"):
        wrk_rate(text)


def test_percentiles_of_ping_are_in_microseconds():
    found = ping_round_trip(replies([n / 1000 for n in range(1, 102)]))
    assert found.p50_us == pytest.approx(51)
    assert found.p99_us == pytest.approx(100)


def test_few_replies_are_no_percentiles():
    with pytest.raises(BadOutput, match="only 3 replies"):
        ping_round_trip(replies([0.1, 0.2, 0.3]))


def test_waiting_and_stolen_time_are_no_work():
    #       user nice system idle iowait irq softirq steal guest guest_nice
    text = "cpu  1 20 300 4000 50000 600000 7000000 80000000 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    assert busy_ticks(text) == 7_600_321


@pytest.mark.parametrize("text", ["", "cpu0 1 2 3 4 5 6 7\n", "cpu  1 2\n"])
def test_proc_stat_of_another_kind(text):
    with pytest.raises(BadOutput, match="/proc/stat"):
        busy_ticks(text)
