"""Expectation, prediction and observation of one connection, held against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netcore.model.address import text
from netcore.policy.judgement import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubehop.policy.expectations import Expectation
    from kubehop.policy.observation import Observation
    from kubehop.policy.prediction import Prediction

WORDS = {True: "allowed", False: "denied", None: "neither"}


@dataclass(frozen=True, slots=True)
class Result:
    """`predicted` None: it depends on the endpoint. `problems` is empty where all is as expected.

    `failure` is why there was nothing to hold against each other; "" if there was.
    """

    expectation: Expectation
    predicted: bool | None = None
    predicted_by: tuple[str, ...] = ()
    observed: Observation | None = None
    problems: tuple[str, ...] = ()
    failure: str = ""

    @property
    def is_as_expected(self) -> bool:
        return not self.problems and not self.failure


def compare(
    expectation: Expectation, predictions: Sequence[Prediction], observed: Observation
) -> Result:
    """All three have to give one verdict, by the same policies."""
    verdicts = {each.allowed for each in predictions}
    predicted = verdicts.pop() if len(verdicts) == 1 else None
    meant = about(predictions, observed.destination)
    by = tuple(dict.fromkeys(policy for each in meant for policy in deciding(each)))
    found = Result(expectation, predicted, by, observed)
    return Result(expectation, predicted, by, observed, tuple(_problems(found)))


def deciding(prediction: Prediction) -> Iterator[str]:
    """The policies that give the verdict; none where no policy isolates the pods."""
    judgements = [each.judgement for each in prediction.explanations]
    for judgement in judgements:
        if judgement.allowed and not prediction.allowed:
            continue
        if judgement.ground in (Ground.RULE, Ground.DEFAULT_DENY):
            yield from (each.policy for each in judgement.by)
        if not judgement.allowed:
            return  # where it is stopped, nobody asks any further


def about(predictions: Sequence[Prediction], destination: str) -> Sequence[Prediction]:
    """Those of the endpoint with this address, which was chosen; all when none has it."""
    chosen = [each for each in predictions if text(each.flow.dst) == destination]
    return chosen or predictions


def _problems(found: Result) -> Iterator[str]:
    expectation, observed = found.expectation, found.observed
    if observed is None:
        return
    if found.predicted is None:
        yield "what is predicted depends on the endpoint: name one of them"
    if not found.predicted is observed.allowed is expectation.allowed:
        yield (
            f"expected {WORDS[expectation.allowed]}, predicted {WORDS[found.predicted]}, "
            f"observed {WORDS[observed.allowed]}"
        )
        return
    if set(found.predicted_by) != set(observed.policies):
        yield (
            f"predicted by {_listed(found.predicted_by)}, observed by {_listed(observed.policies)}"
        )
    if expectation.by and expectation.by not in observed.policies:
        yield f"expected by {expectation.by}, observed by {_listed(observed.policies)}"


def _listed(policies: Sequence[str]) -> str:
    return ", ".join(policies) or "no policy"
