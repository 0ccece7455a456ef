import pytest

from kubehop.cli.cluster_options import cluster_spec
from netcore.model.errors import ConfigError


def test_workers_by_default():
    spec = cluster_spec(None, None, None)

    assert spec.name == "kubehop"
    assert [node.name for node in spec.nodes] == [
        "kubehop-worker",
        "kubehop-worker2",
        "kubehop-worker3",
    ]
    assert cluster_spec(None, 1, None, "other").nodes[0].name == "other-worker"
    assert cluster_spec("name", 1, None, "other").name == "name"


def test_a_file_names_the_nodes(tmp_path, capsys):
    config = tmp_path / "kind.yaml"
    config.write_text(
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking: {disableDefaultCNI: true}\n"
    )

    assert cluster_spec(None, None, config, "other").name == "other"
    assert "disableDefaultCNI is not supported" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="exclude each other"):
        cluster_spec(None, 2, config)
    config.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot read"):
        cluster_spec(None, None, config)
