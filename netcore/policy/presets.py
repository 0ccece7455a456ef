"""What known network plugins do where the NetworkPolicy API leaves a choice open.

Sources: open connections: Calico issue #6399 and Antrea pull request #5381 (kept), Cilium pull
request #2700 (cut). A pod that reaches itself through its Service: Cilium pull requests #15321
and #22972 (always), Cilium issue #13767 (Calico and Antrea: by policy). What ipBlocks cover: Cilium
issue #16308 and its "Layer 3 Policies" (CIDRs are for peers that are no endpoints). Flannel has no
policies.
"""

from collections.abc import Iterable
from dataclasses import fields, replace
from enum import Enum
from typing import Any, Final

from netcore.model.errors import ConfigError
from netcore.model.policy_settings import (
    BlockScope,
    Established,
    Hairpin,
    PolicySettings,
)

DEFAULT_CNI: Final = "kubehop"
SETTINGS_NAME: Final = "kubehop-config"
"""The ConfigMap of kube-system with a cluster's `cni` and `policy` choices."""

PRESETS: Final = {
    DEFAULT_CNI: PolicySettings(),
    "flannel": PolicySettings(enforced=False),
    "calico": PolicySettings(established=Established.KEEP),
    "cilium": PolicySettings(hairpin=Hairpin.ALWAYS, block_scope=BlockScope.OUTSIDE),
    "antrea": PolicySettings(established=Established.KEEP),
}
"""By the name of the plugin."""

_CHOICES: Final = {
    field.name.replace("_", "-"): type(getattr(PolicySettings(), field.name))
    for field in fields(PolicySettings)
    if field.name != "enforced"
}


def preset(cni: str) -> PolicySettings:
    """What the plugin of this name does. Raises ConfigError that lists those there are."""
    found = PRESETS.get(cni)
    if found is None:
        raise ConfigError(f'"{cni}" is no CNI that there is: choose {", ".join(PRESETS)}')
    return found


def with_choices(settings: PolicySettings, choices: Iterable[str]) -> PolicySettings:
    """The settings with these choices, each KEY=VALUE. Raises ConfigError naming the choice."""
    for choice in choices:
        key, _, value = choice.partition("=")
        kind = _CHOICES.get(key)
        if kind is None:
            raise ConfigError(f'"{choice}": choose KEY=VALUE with one of {", ".join(_CHOICES)}')
        chosen: dict[str, Any] = {key.replace("-", "_"): _choice(choice, kind, value)}
        settings = replace(settings, **chosen)
    return settings


def choices(settings: PolicySettings) -> list[str]:
    """All choices as KEY=VALUE, in the order of the fields."""
    return [f"{key}={getattr(settings, key.replace('-', '_')).value}" for key in _CHOICES]


def _choice(choice: str, kind: type[Enum], value: str) -> Enum:
    try:
        return kind(value)
    except ValueError:
        known = " or ".join(each.value for each in kind)
        raise ConfigError(f'"{choice}": choose {known}') from None
