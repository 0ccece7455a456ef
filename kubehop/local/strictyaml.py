"""YAML whose every value knows its line, so that an error can name it. Pure."""

from __future__ import annotations

import yaml

from netcore.model.errors import ConfigError

Field = yaml.Node
Mapping = dict[str, Field]


class StrictYaml:
    """Reads one document. Every method raises ConfigError with source and line."""

    def __init__(self, source: str) -> None:
        self._source = source

    def parse(self, text: str) -> Field:
        """The root of the only document in `text`."""
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            place = f"{self._source}: line {mark.line + 1}" if mark else self._source
            raise ConfigError(f"{place}: {error.problem or error.context}") from None
        except yaml.YAMLError as error:
            raise ConfigError(f"{self._source}: {error}") from None
        if root is None:
            raise ConfigError(f"{self._source}: the file is empty")
        return root

    def mapping(self, field: Field) -> Mapping:
        """The fields of a mapping, in order; an absent value (null) has none."""
        if _is_null(field):
            return {}
        if not isinstance(field, yaml.MappingNode):
            raise self.error(field, "expected a mapping")
        fields: Mapping = {}
        for key, value in field.value:
            name = self.text(key)
            if name in fields:
                raise self.error(key, f'field "{name}" is given twice')
            fields[name] = value
        return fields

    def sequence(self, field: Field) -> list[Field]:
        if _is_null(field):
            return []
        if not isinstance(field, yaml.SequenceNode):
            raise self.error(field, "expected a list")
        return list(field.value)

    def text(self, field: Field) -> str:
        """A scalar as it is written, "" for an absent value (null)."""
        if not isinstance(field, yaml.ScalarNode):
            raise self.error(field, "expected a string")
        return "" if _is_null(field) else str(field.value)

    def integer(self, field: Field) -> int:
        try:
            return int(self.text(field))
        except ValueError:
            raise self.error(field, "expected an integer") from None

    def place(self, field: Field) -> str:
        return f"{self._source}: line {field.start_mark.line + 1}"

    def error(self, field: Field | None, message: str) -> ConfigError:
        return ConfigError(f"{self.place(field) if field else self._source}: {message}")


def _is_null(field: Field) -> bool:
    return isinstance(field, yaml.ScalarNode) and field.tag == "tag:yaml.org,2002:null"
