"""What Jobs say of themselves."""

from controlplane.controllers.job_outcome import FAILURE, SUCCESS, Outcome
from controlplane.controllers.job_status import final_status, noted_status
from controlplane.controllers.job_tracking import Tally
from tests.unit.controlplane.objects import NOW, job, job_pod

STAMP = "2030-01-01T12:00:00Z"
DONE = Outcome(SUCCESS, "CompletionsReached", "Reached expected number of succeeded pods")


def conditions(status):
    return [(c["type"], c["status"], c["reason"]) for c in status.get("conditions", ())]


def test_the_first_look_starts_it():
    status = noted_status({}, Tally(job(), []), None, NOW)
    assert status == {"startTime": STAMP, "uncountedTerminatedPods": {}}


def test_an_end_is_noted_before_pods_are_let_go_and_told_after():
    tally = Tally(job(), [job_pod("a", "Succeeded")])
    noted = noted_status({"startTime": STAMP}, tally, DONE, NOW)
    assert noted["uncountedTerminatedPods"] == {"succeeded": ["uid-a"]}
    assert conditions(noted) == [(SUCCESS, "True", "CompletionsReached")]
    held = final_status(noted, [job_pod("a", "Succeeded")], DONE, NOW)
    assert "completionTime" not in held
    done = final_status(noted, [job_pod("a", "Succeeded", tracked=False)], DONE, NOW)
    assert done["succeeded"] == 1
    assert done["completionTime"] == STAMP
    assert conditions(done)[1] == ("Complete", "True", "CompletionsReached")
    assert done["uncountedTerminatedPods"] == {}


def test_a_failure_waits_for_pods_that_still_end():
    failure = Outcome(FAILURE, "DeadlineExceeded", "late")
    ending = job_pod("a", tracked=False, deletionTimestamp=STAMP)
    waiting = final_status({}, [ending], failure, NOW)
    assert waiting["terminating"] == 1
    assert conditions(waiting) == []
    over = final_status({}, [], failure, NOW)
    assert conditions(over) == [("Failed", "True", "DeadlineExceeded")]
    assert "completionTime" not in over


def test_counts_of_pods_that_run():
    pods = [job_pod("a"), job_pod("b", ready=False)]
    status = final_status({}, pods, None, NOW)
    assert (status["active"], status["ready"], status["terminating"]) == (2, 1, 0)
    assert "active" not in final_status({}, [], None, NOW)


def test_suspending_and_resuming():
    suspended = noted_status({"startTime": STAMP}, Tally(job(suspend=True), []), None, NOW)
    assert "startTime" not in suspended
    assert conditions(suspended) == [("Suspended", "True", "JobSuspended")]
    assert noted_status(suspended, Tally(job(suspend=True), []), None, NOW) == suspended
    resumed = noted_status(suspended, Tally(job(), []), None, NOW)
    assert conditions(resumed) == [("Suspended", "False", "JobResumed")]
    assert resumed["startTime"] == STAMP


def test_indexes_are_shown():
    owner = job(completionMode="Indexed", completions=4, backoffLimitPerIndex=0)
    pods = [job_pod("a", "Succeeded", 0), job_pod("b", "Succeeded", 1), job_pod("c", "Failed", 3)]
    status = noted_status({}, Tally(owner, pods), None, NOW)
    assert (status["completedIndexes"], status["failedIndexes"]) == ("0,1", "3")
    assert status["succeeded"] == 2
