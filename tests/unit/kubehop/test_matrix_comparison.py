import re

import pytest

from kubehop.matrix.comparison import Rules, Verdict, compare
from kubehop.matrix.trial import Finished, Output, Trial


def output(text, length=None):
    data = text.encode()
    return Output(data, len(data) if length is None else length)


def ran(mode, stdout="", code=0, length=None, stderr="", duration_s=1.0):
    return Trial(mode, Finished(code, duration_s, output(stdout, length), output(stderr)))


def verdicts(*trials, **rules):
    return [mode.verdict.value for mode in compare(trials, Rules(**rules)).modes]


def test_the_same_exit_code_and_output_agree_whatever_else_differs():
    comparison = compare(
        [ran("a", "x\n", stderr="e", duration_s=1), ran("b", "x\n", stderr="f", duration_s=2)],
        Rules(),
    )

    assert comparison.agree
    assert comparison.succeeded
    assert [mode.diff for mode in comparison.modes] == [(), ()]


def test_another_exit_code_differs():
    comparison = compare([ran("a"), ran("b", code=1), ran("c")], Rules())

    assert [mode.verdict for mode in comparison.modes] == [
        Verdict.FIRST,
        Verdict.DIFFERS,
        Verdict.SAME,
    ]
    assert not comparison.agree
    assert not comparison.succeeded


def test_another_output_differs_and_is_shown():
    comparison = compare([ran("a", "1\n2\n3\n"), ran("b", "1\nzwei\n3\n")], Rules())

    assert not comparison.agree
    assert comparison.succeeded
    assert comparison.modes[1].diff == (
        "--- a",
        "+++ b",
        "@@ -1,3 +1,3 @@",
        " 1",
        "-2",
        "+zwei",
        " 3",
    )


def test_failing_alike_is_agreement_without_success():
    comparison = compare([ran("a", code=7), ran("b", code=7)], Rules())

    assert comparison.agree
    assert not comparison.succeeded


def test_a_mode_that_was_not_run_does_not_agree_and_the_next_one_is_the_first():
    trials = [Trial("a", problem="no pods"), ran("b", "x"), ran("c", "x")]

    assert verdicts(*trials) == ["not run", "first", "same"]
    comparison = compare(trials, Rules())
    assert not comparison.agree
    assert not comparison.succeeded
    assert verdicts(trials[0]) == ["not run"]
    assert not compare(trials[:1], Rules()).agree


@pytest.mark.parametrize(
    ("one", "other", "rules", "verdict"),
    [
        ("x", "y", {"only_exit_code": True}, "same"),
        ("x\ny\n", "y\nx\n", {}, "differs"),
        ("x\ny\n", "y\nx\n", {"ignore_order": True}, "same"),
        ("x\nx\ny\n", "x\ny\ny\n", {"ignore_order": True}, "differs"),
        ("pod-a1", "pod-b2", {"masks": (re.compile("-[ab][12]"),)}, "same"),
        ("pod-a1", "pod-b3", {"masks": (re.compile("-[ab][12]"),)}, "differs"),
        ("x", "x\n", {}, "same"),
    ],
)
def test_the_rules_say_what_counts(one, other, rules, verdict):
    assert verdicts(ran("a", one), ran("b", other), **rules) == ["first", verdict]


def test_only_the_exit_code_still_counts():
    assert verdicts(ran("a"), ran("b", code=1), only_exit_code=True) == ["first", "differs"]


def test_what_was_cut_off_counts_by_its_length():
    one, same, other = (ran(m, "x", length=n) for m, n in (("a", 10), ("b", 10), ("c", 11)))

    assert verdicts(one, same, other) == ["first", "same", "differs"]
    assert compare([one, other], Rules()).modes[1].diff == ("10 bytes under a, 11 bytes under c",)


def test_a_late_difference_is_told_by_its_first_line():
    lines = [str(number) for number in range(50_000)]
    before, after = "\n".join(lines), "\n".join([*lines[:40_000], "other", *lines[40_001:]])

    shown = compare([ran("a", before), ran("b", after)], Rules()).modes[1].diff
    longer = compare([ran("a", before), ran("b", f"{before}\nmore")], Rules()).modes[1].diff

    assert shown == ("@@ line 40001 is the first that differs @@", "-40000", "+other")
    assert longer == ("@@ line 50001 is the first that differs @@", "+more")


def test_bytes_that_are_no_text_are_compared_too():
    odd = Trial("b", Finished(0, 1.0, Output(b"\xff", 1), Output()))

    assert verdicts(ran("a", "x"), odd) == ["first", "differs"]
