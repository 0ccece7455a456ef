"""Real namespaces: skipped, with the reason, where the machine does not let us make them."""

import subprocess

import pytest


def _why_not() -> str:
    try:
        done = subprocess.run(
            ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "true"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unshare does not run: {error}"
    return "" if done.returncode == 0 else f"no namespaces here: {done.stderr.strip()}"


_REASON = _why_not()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("netns") and _REASON:
            item.add_marker(pytest.mark.skip(reason=_REASON))
