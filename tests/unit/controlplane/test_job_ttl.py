"""When finished Jobs go."""

from datetime import timedelta

import pytest

from controlplane.controllers.job_ttl import expiry
from tests.unit.controlplane.objects import NOW, job


def ended(kind="Complete", status="True", ttl=60, since="2030-01-01T12:00:00Z"):
    made = job(ttlSecondsAfterFinished=ttl)
    made["status"]["conditions"] = [{"type": kind, "status": status, "lastTransitionTime": since}]
    return made


@pytest.mark.parametrize("kind", ["Complete", "Failed"])
def test_so_many_seconds_after_the_end(kind):
    assert expiry(ended(kind)) == NOW + timedelta(seconds=60)
    assert expiry(ended(kind, ttl=0)) == NOW


def test_others_stay():
    assert expiry(ended(ttl=None)) is None
    assert expiry(ended(status="False")) is None
    assert expiry(ended("FailureTarget")) is None
    assert expiry(ended(since="?")) is None
