"""Every plugin says what it is, in CoreDNS' own form."""

from pathlib import Path

import pytest

import coredns_emu.plugins
from coredns_emu.chain import ORDER

FOLDER = Path(coredns_emu.plugins.__file__).parent
PLUGINS = sorted(path.parent.name for path in FOLDER.glob("*/__init__.py"))


@pytest.mark.parametrize("plugin", PLUGINS)
def test_sections(plugin):
    lines = (FOLDER / plugin / "README.md").read_text().splitlines()
    assert lines[0] == f"# {plugin}"
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == ["## Name", "## Description", "## Syntax", "## Examples"]
    name = lines[lines.index("## Name") + 2]
    assert name.startswith(f"*{plugin}* - ")


def test_every_plugin_of_the_chain_has_a_folder():
    assert set(ORDER) <= set(PLUGINS)
