import pytest

from netcore.model.errors import ConfigError
from netcore.model.policy_settings import Deny, Established, PolicySettings
from netcore.policy.presets import PRESETS, choices, preset, with_choices


@pytest.mark.parametrize("cni", PRESETS)
def test_choices_make_the_same_settings_again(cni):
    made = with_choices(preset(cni), choices(preset(cni)))
    assert made == preset(cni)


def test_a_choice_wins_over_the_preset():
    made = with_choices(preset("calico"), ["established=cut", "deny=reject"])
    assert (made.established, made.deny) == (Established.CUT, Deny.REJECT)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("established", "choose cut or keep"),
        ("established=maybe", "choose cut or keep"),
        ("enforced=false", "choose KEY=VALUE with one of established, deny"),
        ("=", "choose KEY=VALUE"),
    ],
)
def test_what_is_no_choice_is_named(choice, said):
    with pytest.raises(ConfigError) as caught:
        with_choices(PolicySettings(), [choice])
    assert repr(choice)[1:-1] in str(caught.value)
    assert said in str(caught.value)


def test_a_plugin_that_is_not_known():
    with pytest.raises(ConfigError, match='"weave" is no CNI that there is: choose kubehop, '):
        preset("weave")
