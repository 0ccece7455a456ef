"""The last missed moment is the one that counting forward finds."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controlplane.api.strategies.cron_schedule import parse_schedule, parse_zone
from netcore.model.errors import ConfigError

ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu")
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


def field(lowest, highest):
    number = st.integers(lowest, highest)
    span = st.tuples(number, number).map(lambda pair: "-".join(map(str, sorted(pair))))
    stepped = st.tuples(st.one_of(st.just("*"), span), st.integers(1, 30)).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    return st.one_of(st.just("*"), number.map(str), span, stepped)


SCHEDULES = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)).map(
    " ".join
)


@given(SCHEDULES, st.sampled_from(ZONES), st.integers(0, 400 * 1440), st.integers(0, 3 * 1440))
def test_backwards_is_forwards(text, zone, minute, length):
    schedule = parse_schedule(text, parse_zone(zone))
    since = BEGIN + timedelta(minutes=minute)
    until = since + timedelta(minutes=length)
    expected = None
    moment = schedule.after(since)
    while moment is not None and moment <= until:
        assert moment > since
        expected, moment = moment, schedule.after(moment)
    assert schedule.latest(since, until) == expected


@given(st.text(max_size=40))
def test_any_text_is_a_schedule_or_refused(text):
    try:
        schedule = parse_schedule(text)
    except ConfigError:
        return
    following = schedule.after(BEGIN)
    assert following is None or following > BEGIN
