"""Command line flags as Go programs take them: `-name value`, `--name=value`, bare booleans."""

from collections.abc import Mapping, Sequence


class UsageError(Exception):
    """A flag that does not exist or a value that cannot be read; the text is for the user."""


def parse_flags(
    args: Sequence[str], defaults: Mapping[str, str | int | bool]
) -> tuple[dict[str, str | int | bool], list[str]]:
    """The flags over their defaults, whose types they keep, and the remaining arguments."""
    values = dict(defaults)
    rest: list[str] = []
    pending = list(args)
    while pending:
        argument = pending.pop(0)
        if argument == "--":
            return values, rest + pending
        if not argument.startswith("-") or argument == "-":
            rest.append(argument)
            continue
        name, equals, text = argument.lstrip("-").partition("=")
        if name not in values:
            raise UsageError(f"unknown flag: {argument}; known: {', '.join(sorted(values))}")
        if isinstance(values[name], bool):
            values[name] = _boolean(name, text) if equals else True
            continue
        if not equals:
            if not pending:
                raise UsageError(f"flag needs an argument: {argument}")
            text = pending.pop(0)
        values[name] = _integer(name, text) if isinstance(values[name], int) else text
    return values, rest


def _boolean(name: str, text: str) -> bool:
    known = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
    if text.lower() not in known:
        raise UsageError(f'invalid boolean value "{text}" for -{name}')
    return known[text.lower()]


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f'invalid value "{text}" for flag -{name}: not a number') from None
