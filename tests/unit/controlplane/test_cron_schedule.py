"""Schedules: what is read, and when they come."""

from datetime import UTC, datetime

import pytest

from controlplane.api.strategies.cron_schedule import parse_schedule, parse_zone
from netcore.model.errors import ConfigError


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOON = at("2030-01-01T12:00:00")  # a Tuesday


@pytest.mark.parametrize(
    ("schedule", "following"),
    [
        ("* * * * *", "2030-01-01T12:01"),
        ("*/15 * * * *", "2030-01-01T12:15"),
        ("5/20 * * * *", "2030-01-01T12:05"),
        ("0 13-15 * * *", "2030-01-01T13:00"),
        ("30 4 1,15 * 5", "2030-01-04T04:30"),
        ("0 0 */2 * mon", "2030-01-03T00:00"),
        ("0 0 1 FEB ?", "2030-02-01T00:00"),
        ("@hourly", "2030-01-01T13:00"),
        ("@weekly", "2030-01-06T00:00"),
        ("@every 1h30m", "2030-01-01T13:30"),
        ("@every 0.1s", "2030-01-01T12:00:01"),
    ],
)
def test_what_comes_next(schedule, following):
    assert parse_schedule(schedule).after(NOON) == at(following)


def test_the_31st_of_february_never_comes():
    schedule = parse_schedule("0 0 31 2 *")
    assert schedule.after(NOON) is None
    assert schedule.latest(NOON, at("2031-01-01")) is None


def test_the_last_of_what_was_missed():
    schedule = parse_schedule("*/10 * * * *")
    assert schedule.latest(at("2030-01-01T11:00"), NOON) == NOON
    assert schedule.latest(at("2030-01-01T11:00"), at("2030-01-01T12:09:59")) == NOON
    assert schedule.latest(NOON, at("2030-01-01T12:09:59")) is None


def test_the_last_of_regular_ones_follows_the_first():
    schedule = parse_schedule("@every 10s")
    late = at("2030-01-01T12:00:35")
    assert schedule.latest(NOON, late) == at("2030-01-01T12:00:30")
    assert schedule.latest(at("2030-01-01T12:00:30"), late) is None


def test_time_zones():
    schedule = parse_schedule("0 9 * * *", parse_zone("Europe/Berlin"))
    assert schedule.after(NOON) == at("2030-01-02T08:00")
    assert schedule.after(at("2030-07-01T00:00")) == at("2030-07-01T07:00")
    assert parse_zone(None) is UTC
    for unknown in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(ConfigError, match="unknown time zone"):
            parse_zone(unknown)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("", "empty spec string"),
        ("* * *", "expected exactly 5 fields, found 3: [* * *]"),
        ("@often", "unrecognized descriptor: @often"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("* * L * *", 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax'),
        (", * * * *", "failed to parse int from ,: it is empty"),
    ],
)
def test_what_is_no_schedule(schedule, message):
    with pytest.raises(ConfigError) as caught:
        parse_schedule(schedule)
    assert str(caught.value) == message
