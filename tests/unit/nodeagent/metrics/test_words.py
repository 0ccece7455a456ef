import pytest

from netcore.pipeline.verdict import DropReason
from nodeagent.metrics.words import REASONS, reason_text


@pytest.mark.parametrize("reason", DropReason)
def test_every_reason_has_words_of_its_own(reason):
    assert reason_text(reason.name.lower())
    assert len(set(REASONS.values())) == len(REASONS)


def test_words():
    assert reason_text("policy_denied") == "Policy denied"
    assert reason_text("something_new") == "Something new"
