"""Results of a check for people, for programs and for CI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from kubehop.policy.checking import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubehop.policy.checking import Result

# What XML 1.0 cannot have, not even escaped (section 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text_lines(results: Sequence[Result]) -> Iterator[str]:
    """A line for each, more where something is wrong, and the count."""
    for result in results:
        title = result.expectation.title
        if result.failure:
            yield f"ERROR {title}: {result.failure}"
        elif result.is_as_expected:
            by = ", ".join(result.predicted_by)
            yield f"ok    {title}: {WORDS[result.predicted]}{f' by {by}' if by else ''}"
        else:
            yield f"FAIL  {title}"
            yield from (f"        {line}" for line in details(result))
    wrong = sum(not each.is_as_expected for each in results)
    yield f"{len(results)} checked, {len(results) - wrong} as expected, {wrong} not"


def details(result: Result) -> Iterator[str]:
    """Everything that was expected, predicted and seen."""
    expectation = result.expectation
    yield from result.problems
    yield f"from {expectation.source} to {expectation.target} ({expectation.place})"
    if result.predicted_by:
        yield f"predicted by {', '.join(result.predicted_by)}"
    if result.observed is not None:
        yield f"the packet: {result.observed.sentence}"


def to_json(results: Sequence[Result]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "kind": "PolicyCheck",
        "apiVersion": "kubehop.dev/v1alpha1",
        "asExpected": all(each.is_as_expected for each in results),
        "results": [_json(each) for each in results],
    }


def _json(result: Result) -> dict[str, Any]:
    expectation, observed = result.expectation, result.observed
    return {
        "name": expectation.title,
        "from": expectation.source,
        "to": expectation.target,
        "place": expectation.place,
        "expected": {"verdict": WORDS[expectation.allowed], "by": expectation.by or None},
        "predicted": {"verdict": WORDS[result.predicted], "by": list(result.predicted_by)},
        "observed": None
        if observed is None
        else {
            "verdict": WORDS[observed.allowed],
            "by": list(observed.policies),
            "destination": observed.destination,
            "outcome": observed.sentence,
        },
        "asExpected": result.is_as_expected,
        "problems": list(result.problems),
        "failure": result.failure or None,
    }


def junit(results: Sequence[Result], seconds: float) -> bytes:
    """A JUnit document, as CI systems read it: one test suite, a test case for each."""
    failed = sum(bool(each.problems) for each in results)
    errors = sum(bool(each.failure) for each in results)
    counts = {"tests": str(len(results)), "failures": str(failed), "errors": str(errors)}
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": "kubehop policy check", **counts, "time": f"{seconds:.3f}"}
    )
    for result in results:
        expectation = result.expectation
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {"classname": _xml(expectation.place), "name": _xml(expectation.title)},
        )
        if result.failure:
            found = ElementTree.SubElement(case, "error", {"message": _xml(result.failure)})
        elif result.problems:
            message = {"message": _xml("; ".join(result.problems))}
            found = ElementTree.SubElement(case, "failure", message)
        else:
            continue
        found.text = _xml("\n".join(details(result)))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
