"""YAML of clients: what it means, and that no few bytes take much time or memory."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.http.body import decode_yaml
from controlplane.api.http.yaml_body import MAX_NODES, UnreadableYaml, load_yaml


def levels(count, first, each):
    """A document whose every line uses the one before ten times."""
    lines = [f"a0: &a0 {first}"]
    for n in range(1, count):
        lines.append(f"a{n}: &a{n} {each.format(', '.join([f'*a{n - 1}'] * 10))}")
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    "raw",
    [
        levels(12, "[x, x]", "[{}]"),
        levels(12, "{k: v}", "{{<<: [{}]}}"),
        b"a: &a " + b"x" * 1_000_000 + b"\nb: [" + b"*a," * 1000 + b"]",
        b"a: &a [*a]",
        b"[" + b"a," * (MAX_NODES + 1) + b"]",
    ],
)
def test_aliases_and_merge_keys_do_not_multiply(raw):
    with pytest.raises(UnreadableYaml, match="excessive aliasing"):
        load_yaml(raw)


@pytest.mark.parametrize("raw", [b"[" * 30_000, b"{a: " * 30_000, b"- " * 30_000])
def test_levels_are_bounded(raw):
    with pytest.raises(UnreadableYaml, match="nested too deeply"):
        load_yaml(raw)


def test_directives_are_bounded():
    directives = b"".join(b"%%TAG !a%d! x\n" % n for n in range(100_000))
    with pytest.raises(UnreadableYaml, match="directives"):
        load_yaml(directives + b"--- a")


def test_base_60_is_text_however_long():
    text = "1" + ":1" * 100_000
    assert load_yaml(f"[1:20, 1:20.5, {text}, 12, 1.5, 0x1f]".encode()) == [
        "1:20", "1:20.5", text, 12, 1.5, 31
    ]  # fmt: skip


def test_aliases_and_merge_keys_are_read():
    assert load_yaml(b"a: &a {k: v}\nb: {<<: *a, l: w}\nc: [*a, *a]") == {
        "a": {"k": "v"},
        "b": {"k": "v", "l": "w"},
        "c": [{"k": "v"}, {"k": "v"}],
    }


@pytest.mark.parametrize(
    "text",
    ["!!bool x", '!!float ""', '!!int ""', "!!timestamp x", "!!set {x}", "!!binary x",
     "!!python/name:os.system x", ".nan", ".inf", "*b", '"\\ud800"',
     "0x" + "f" * 10_000, "\0", "1\n---\n2"],
)  # fmt: skip
def test_nonsense_is_refused(text):
    with pytest.raises(StatusError, match="error converting YAML") as caught:
        decode_yaml(f"a: {text}".encode())
    assert caught.value.code == 400


def test_what_is_no_utf8_is_refused():
    with pytest.raises(UnreadableYaml):
        load_yaml("a: 1".encode("utf-16"))
