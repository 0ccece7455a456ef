"""YAML as Kubernetes reads it: what looks like a date is the text that it is."""

import yaml


class TextLoader(yaml.SafeLoader):
    """A SafeLoader that leaves timestamps as text: JSON has none, and they are written back
    unchanged."""


TextLoader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
