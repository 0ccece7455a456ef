"""What a podFailurePolicy says of failed pods."""

import pytest

from controlplane.controllers.job_failure_policy import judge
from tests.unit.controlplane.objects import job, job_pod


def on_codes(action, operator, *values, **more):
    codes = {"operator": operator, "values": list(values), **more}
    return {"action": action, "onExitCodes": codes}


def on_condition(action, kind="DisruptionTarget", status="True"):
    return {"action": action, "onPodConditions": [{"type": kind, "status": status}]}


def failed(*codes):
    return job_pod(phase="Failed", codes=codes)


@pytest.mark.parametrize(
    ("rule", "codes", "action"),
    [
        (on_codes("FailJob", "In", 42), (42,), "FailJob"),
        (on_codes("FailJob", "In", 42), (1,), "Count"),
        (on_codes("Ignore", "NotIn", 42), (1,), "Ignore"),
        (on_codes("Ignore", "NotIn", 42), (42,), "Count"),
        (on_codes("Ignore", "NotIn", 42), (0,), "Count"),
        (on_codes("FailIndex", "In", 42, containerName="c1"), (42, 1), "Count"),
        (on_codes("FailIndex", "In", 42, containerName="c1"), (1, 42), "FailIndex"),
        (on_condition("Ignore"), (1,), "Count"),
    ],
)
def test_exit_codes(rule, codes, action):
    assert judge(job(podFailurePolicy={"rules": [rule]}), failed(*codes)).action == action


def test_the_first_rule_that_matches_says_why():
    rules = [on_condition("Ignore"), on_codes("FailJob", "In", 42)]
    judgement = judge(job(podFailurePolicy={"rules": rules}), failed(42))
    assert judgement.message == (
        "Container c0 for pod default/p failed with exit code 42 matching FailJob rule at index 1"
    )


def test_conditions():
    pod = failed(1)
    pod["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True"})
    judgement = judge(job(podFailurePolicy={"rules": [on_condition("FailJob")]}), pod)
    assert judgement.message == (
        "Pod default/p has condition DisruptionTarget matching FailJob rule at index 0"
    )
    rules = [on_condition("Ignore", status="False")]
    assert judge(job(podFailurePolicy={"rules": rules}), pod).action == "Count"


def test_without_a_policy_every_failure_counts():
    assert judge(job(), failed(42)).action == "Count"
