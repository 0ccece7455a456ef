from datetime import UTC, datetime

import pytest

from controlplane.api.tables.age import human_duration, since

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (121, "2m1s"),
        (10 * MINUTE, "10m"), (179 * MINUTE, "179m"), (3 * HOUR, "3h"), (3 * HOUR + 60, "3h1m"),
        (8 * HOUR, "8h"), (47 * HOUR, "47h"), (2 * DAY, "2d"), (2 * DAY + 3 * HOUR, "2d3h"),
        (8 * DAY, "8d"), (729 * DAY, "729d"), (730 * DAY, "2y"), (731 * DAY, "2y1d"),
        (9 * 365 * DAY, "9y"),
    ],
)  # fmt: skip
def test_human_duration(seconds, shown):
    assert human_duration(seconds) == shown


def test_since():
    now = datetime(2030, 1, 1, 0, 1, tzinfo=UTC)
    assert since("2030-01-01T00:00:00Z", now) == "60s"
    assert since("2030-01-01T00:00:00.500000Z", now) == "59s"
    assert since(None, now) == since("x", now) == since(3, now) == "<unknown>"
