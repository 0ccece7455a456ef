"""The rules for names, worded as k8s.io/apimachinery pkg/util/validation words them.

Every function returns what is wrong, an empty list when nothing is.
"""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_ENV_NAME = re.compile(r"[ -<>-~]+")

_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_QUALIFIED_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_CONFIG_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
    "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_ENV_RULE = (
    "a valid environment variable name must consist only of printable ASCII characters other "
    "than '='"
)


def _check(value: str, pattern: re.Pattern[str], limit: int, rule: str) -> list[str]:
    wrong = []
    if len(value) > limit:
        wrong.append(f"must be no more than {limit} characters")
    if not pattern.fullmatch(value):
        wrong.append(rule)
    return wrong


def dns_label(value: str) -> list[str]:
    """RFC 1123 label: names of containers, volumes, namespaces, Service ports."""
    return _check(value, _LABEL, 63, _LABEL_RULE)


def dns_subdomain(value: str) -> list[str]:
    """RFC 1123 subdomain: names of most objects."""
    return _check(value, _SUBDOMAIN, 253, _SUBDOMAIN_RULE)


def qualified_name(value: str) -> list[str]:
    """A label key: an optional DNS prefix and a slash, then a name of at most 63 characters."""
    prefix, slash, name = value.rpartition("/")
    if slash and not prefix:
        return ["prefix part must be non-empty"]
    wrong = [f"prefix part {text}" for text in dns_subdomain(prefix)] if slash else []
    if not name:
        return [*wrong, "name part must be non-empty"]
    if len(name) > 63:
        wrong.append("name part must be no more than 63 characters")
    return wrong if _QUALIFIED.fullmatch(name) else [*wrong, _QUALIFIED_RULE]


def config_key(value: str) -> list[str]:
    """A key of a ConfigMap or Secret."""
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return _check(value, _CONFIG_KEY, 253, _CONFIG_KEY_RULE)


def env_name(value: str) -> list[str]:
    """The name of an environment variable."""
    return [] if _ENV_NAME.fullmatch(value) else [_ENV_RULE]


def port_number(value: int) -> list[str]:
    """A TCP, UDP or SCTP port."""
    return [] if 1 <= value <= 65535 else ["must be between 1 and 65535, inclusive"]


def port_name(value: str) -> list[str]:
    """An IANA service name (RFC 6335): what a named container port or targetPort may be."""
    wrong = []
    if len(value) > 15:
        wrong.append("must be no more than 15 characters")
    if not re.fullmatch(r"[-a-z0-9]+", value):
        wrong.append("must contain only alphanumeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search(r"[a-z]", value):
        wrong.append("must contain at least one letter (a-z)")
    if "--" in value:
        wrong.append("must not contain consecutive hyphens")
    if value[:1] == "-" or value[-1:] == "-":
        wrong.append("must not begin or end with a hyphen")
    return wrong
