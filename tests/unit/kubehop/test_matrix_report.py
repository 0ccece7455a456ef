import json

import pytest

from kubehop.matrix.comparison import Rules, compare
from kubehop.matrix.report import COLUMNS, as_json, conclusion, details, rows
from kubehop.matrix.trial import Output, Trial
from tests.unit.kubehop.test_matrix_comparison import ran


def compared(*trials):
    return compare(trials, Rules())


def text(*trials):
    return "\n".join(details(compared(*trials)))


def test_a_row_for_each_mode():
    table = rows(compared(Trial("a", problem="p"), ran("b", duration_s=1.26), ran("c", code=7)))

    assert len(COLUMNS) == len(table[0])
    assert table == [
        ("a", "-", "-", "not run"),
        ("b", "0", "1.3 s", "first"),
        ("c", "7", "1.0 s", "differs"),
    ]


def test_agreement_is_told_in_one_line():
    assert text(ran("a", "x"), ran("b", "x")) == "\nThe command succeeded alike under a and b."


def test_one_mode_is_a_plain_run_whose_output_is_shown():
    assert text(ran("a", "x\ny\n")) == "\nx\ny\n\nThe command succeeded under a."


def test_a_failure_that_is_alike_is_shown_once():
    shown = text(ran("a", "x\n", code=7, stderr="no\n"), ran("b", "x\n", code=7, stderr="no\n"))

    assert shown == "\nx\n\na: exit code 7\n  no\n\nThe command failed alike under a and b."


def test_a_difference_is_shown_with_the_words_of_those_that_failed():
    many = "".join(f"{number}\n" for number in range(30))

    shown = text(ran("a", "x\n"), ran("b", "y\n", code=1, stderr=many))

    assert shown.startswith("\n--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n\nb: exit code 1\n  10\n")
    assert shown.endswith("  29\n\nb differs from a.")


def test_a_mode_that_was_not_run_says_why():
    assert text(Trial("a", problem="no pods"), ran("b")) == (
        "\na: no pods\n\nThe command was not run under a."
    )


@pytest.mark.parametrize(
    ("trials", "sentence"),
    [
        ([ran("a"), ran("b"), ran("c")], "The command succeeded alike under a, b and c."),
        ([ran("a"), ran("b", "x"), ran("c", "x")], "b and c differ from a."),
        (
            [ran("a"), ran("b", "x"), Trial("c", problem="p")],
            "b differs from a. The command was not run under c.",
        ),
        ([ran("a", code=1)], "The command failed under a."),
        ([Trial("a", problem="p")], "The command was not run under a."),
    ],
)
def test_the_conclusion(trials, sentence):
    assert conclusion(compared(*trials)) == sentence


def test_programs_get_all_of_it():
    trials = [ran("a", "x", stderr="e"), ran("b", "y", code=1), Trial("c", problem="no pods")]

    found = json.loads(json.dumps(as_json(compared(*trials), ("true", "-x"))))

    assert (found["agree"], found["succeeded"], found["command"]) == (False, False, ["true", "-x"])
    first, second, third = found["modes"]
    assert first == {
        "mode": "a",
        "verdict": "first",
        "problem": None,
        "exitCode": 0,
        "durationSeconds": 1.0,
        "stdout": {"text": "x", "bytes": 1, "cut": False},
        "stderr": {"text": "e", "bytes": 1, "cut": False},
        "diff": [],
    }
    assert second["diff"][-2:] == ["-x", "+y"]
    assert third == {"mode": "c", "verdict": "not run", "problem": "no pods", "diff": []}


def test_an_output_that_was_cut_says_so():
    assert Output(b"x", 2).is_cut
    assert not Output(b"x", 1).is_cut
