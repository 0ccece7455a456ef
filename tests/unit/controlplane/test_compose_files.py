"""What compose.yaml and compose.dual.yaml give the control plane, by their variables."""

import re
from pathlib import Path

import pytest
import yaml

from controlplane.flags import parse
from netcore.model.policy_settings import Deny, Established, PolicySettings
from netcore.policy.presets import preset

ROOT = Path(__file__).parents[3]
FILES = ("compose.yaml", "compose.dual.yaml")
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def settings(name, **environment):
    """Those of the control plane in this file, with its variables replaced as Compose does it."""
    text = _VARIABLE.sub(
        lambda found: environment.get(found[1]) or found[2], (ROOT / name).read_text()
    )
    program, *flags = yaml.safe_load(text)["services"]["controlplane"]["command"]
    assert program == "controlplane"
    return parse([*flags, "--advertise-address=172.18.0.2"]).settings


@pytest.mark.parametrize("name", FILES)
def test_without_variables_all_is_as_kubehop_has_it(name):
    found = settings(name)
    assert (found.proxy_mode, found.cni, found.policy) == ("ipvs", "kubehop", PolicySettings())


@pytest.mark.parametrize("name", FILES)
def test_variables_choose_proxy_mode_plugin_and_policies(name):
    found = settings(name, KUBEHOP_PROXY_MODE="nftables", KUBEHOP_CNI="cilium")
    assert (found.proxy_mode, found.cni) == ("nftables", "cilium")
    assert found.policy == preset("cilium")
    found = settings(name, KUBEHOP_CNI="calico", KUBEHOP_POLICY="deny=reject,established=cut")
    assert (found.policy.deny, found.policy.established) == (Deny.REJECT, Established.CUT)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("variable", "value"),
    [("KUBEHOP_CNI", "magic"), ("KUBEHOP_POLICY", "deny=reject,magic=1"), ("KUBEHOP_POLICY", "x")],
)
def test_a_wrong_value_ends_the_control_plane_with_a_word_about_it(name, variable, value, capsys):
    with pytest.raises(SystemExit) as ended:
        settings(name, **{variable: value})
    assert ended.value.code == 2
    assert value.rpartition(",")[2].partition("=")[0] in capsys.readouterr().err.splitlines()[-1]


def test_the_files_have_the_same_variables():
    """A file's command replaces the other's as a whole: what one forgets has no effect."""
    names = [
        {found[1] for found in _VARIABLE.finditer((ROOT / name).read_text())} for name in FILES
    ]
    assert {"KUBEHOP_PROXY_MODE", "KUBEHOP_CNI", "KUBEHOP_POLICY"} <= names[0] & names[1]
