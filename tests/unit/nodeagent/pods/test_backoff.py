import pytest

from nodeagent.pods.backoff import RestartBackOff, duration_text


def test_first_restart_at_once_then_ten_seconds_doubling_to_five_minutes():
    back_off, now, waits = RestartBackOff(), 0.0, []
    for _ in range(8):
        ended = now + 1.0
        wait = back_off.remaining_s(ended, ended)
        waits.append(wait)
        now = ended + wait
        back_off.advance(ended, now)
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_ten_minutes_of_peace_forget_the_past():
    back_off = RestartBackOff()
    back_off.advance(0.0, 0.0)
    back_off.advance(10.0, 10.0)
    assert back_off.remaining_s(ended_at_s=600.0, now_s=600.0) == 20
    assert back_off.remaining_s(ended_at_s=611.0, now_s=611.0) == 0
    back_off.advance(611.0, 611.0)
    assert back_off.delay_s == 10


def test_time_that_passed_counts():
    back_off = RestartBackOff()
    back_off.advance(0.0, 0.0)
    assert back_off.remaining_s(ended_at_s=5.0, now_s=12.0) == 3
    assert back_off.remaining_s(ended_at_s=5.0, now_s=20.0) == 0


@pytest.mark.parametrize(("seconds", "text"), [(10, "10s"), (80, "1m20s"), (300, "5m0s")])
def test_duration_text(seconds, text):
    assert duration_text(seconds) == text
