import subprocess

from kubehop.local.outside import outside_command


def test_the_command_takes_another_behind_it(tmp_path):
    done = subprocess.run(
        [*outside_command("nosuch"), "env", "-i", "true"],
        env={"XDG_STATE_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert 'no cluster with the name "nosuch" runs' in done.stderr
    assert "No such option" not in done.stderr
