import yaml

from kubehop.kubernetes.text_yaml import TextLoader


def test_only_dates_are_left_as_text():
    found = yaml.load("{a: 2026-11-23, b: 2026-11-23T10:00:00Z, c: 1, d: true}", Loader=TextLoader)

    assert found == {"a": "2026-11-23", "b": "2026-11-23T10:00:00Z", "c": 1, "d": True}


def test_the_other_loaders_are_as_before():
    assert yaml.safe_load("2026-11-23") != "2026-11-23"
