"""``linear-regressor keys``: keys are shown once, and kept as digests."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from linear_regressor.atomic_file import locked
from linear_regressor.serving.auth.api_keys import StoredKey, read_keys, write_keys
from tests.command_line import ROOT, run, run_process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a keys file that is not there yet."""
    return tmp_path / "folder" / "keys.json"


def test_a_new_key_is_shown_once_and_kept_as_its_sha256(path: Path) -> None:
    """Standard output has the key alone, for a script; the file has name, digest and scopes."""
    result = run("keys", "generate", "--name", "ci", "--scope", "predict", "--file", path)
    (key,) = result.stdout.split()

    assert (0, 46) == (result.exit_code, len(key))
    assert {"keys": [{"name": "ci", "sha256": hashlib.sha256(key.encode()).hexdigest(), "scopes": ["predict"]}]
            } == json.loads(path.read_text())
    assert key not in path.read_text() + result.stderr
    assert [path.name] == [entry.name for entry in path.parent.iterdir()]
    assert not path.stat().st_mode & stat.S_IWOTH


def test_keys_are_added_listed_and_revoked(path: Path) -> None:
    """The list shows no key, and of each digest its beginning."""
    for name, scopes in (("a", ("predict",)), ("b", ("feedback", "admin"))):
        options = [word for scope in scopes for word in ("--scope", scope)]
        run("keys", "generate", "--name", name, *options, "--file", path)
    kept = json.loads(path.read_text())["keys"]
    listed = run("keys", "list", "--file", path).stdout.splitlines()

    assert [f"a\tpredict\t{kept[0]['sha256'][:12]}", f"b\tfeedback,admin\t{kept[1]['sha256'][:12]}"] == listed
    assert 0 == run("keys", "revoke", "a", "--file", path).exit_code
    assert ["b"] == [key["name"] for key in json.loads(path.read_text())["keys"]]


def test_the_file_may_be_named_by_the_variable_that_the_server_reads(path: Path) -> None:
    """``API_KEYS_FILE`` is the default of ``--file``."""
    done = run_process("keys", "generate", "--name", "ci", environ={"API_KEYS_FILE": str(path)})

    assert 0 == done.returncode
    assert done.stdout.startswith("lr_")
    assert path.exists()


@pytest.mark.parametrize(("arguments", "exit_code", "words"), [
    (["generate", "--name", "ci"], 2, "'ci' has a key already"),
    (["generate", "--name", "c i"], 2, "'c i' cannot be used"),
    (["generate", "--name", ""], 2, "'' cannot be used"),
    (["generate", "--name", "x", "--scope", "root"], 2, "'root' is not one of"),
    (["generate"], 2, "Missing option '--name'"),
    (["revoke", "nobody"], 2, "'nobody' has no key"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_misuse_is_one_line_and_changes_nothing(path: Path, arguments: list[str], exit_code: int, words: str) -> None:
    """The option is named."""
    run("keys", "generate", "--name", "ci", "--file", path)
    before = path.read_bytes()
    result = run("keys", *arguments, "--file", path)

    assert (exit_code, 1) == (result.exit_code, result.stderr.count("\n"))
    assert words in result.stderr
    assert before == path.read_bytes()


@pytest.mark.parametrize("command", [["list"], ["revoke", "a"]])
def test_a_file_that_is_not_there_is_one_line_that_says_how_to_make_it(path: Path, command: list[str]) -> None:
    """Only ``generate`` makes one."""
    result = run("keys", *command, "--file", path)

    assert (2, 1) == (result.exit_code, result.stderr.count("\n"))
    assert "keys generate" in result.stderr


def test_a_damaged_file_is_not_written_over(path: Path) -> None:
    """Whoever damaged it may want it back."""
    path.parent.mkdir()
    path.write_text('{"keys": [')
    result = run("keys", "generate", "--name", "ci", "--file", path)

    assert (2, "") == (result.exit_code, result.stdout)
    assert '{"keys": [' == path.read_text()


def test_a_full_disk_leaves_the_old_file_whole(path: Path) -> None:
    """The file is put in its place in one step, and no key is shown that was not kept."""
    run("keys", "generate", "--name", "ci", "--file", path)
    before = path.read_bytes()
    done = run_process("keys", "generate", "--name", "more", "--file", path, file_size_limit=64)

    assert (1, "") == (done.returncode, done.stdout)
    assert before == path.read_bytes()


def test_the_commands_of_the_page_on_security_run_as_they_stand(tmp_path: Path) -> None:
    """All but the last, which serves and is tested with the server."""
    (block,) = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "security.md").read_text(), re.DOTALL)
    for command in block.splitlines()[:-1]:
        program, *arguments = shlex.split(command)
        done = subprocess.run([sys.executable, str(ROOT / "main.py"), *arguments], cwd=tmp_path, check=True)

        assert ("linear-regressor", 0) == (program, done.returncode)
    assert (tmp_path / "build" / "keys.json").exists()


def test_a_key_made_beside_another_loses_none(path: Path) -> None:
    """Who changes the file waits until nobody else does, and reads it then."""
    run("keys", "generate", "--name", "first", "--file", path)
    with locked(path):
        process = subprocess.Popen([sys.executable, str(ROOT / "main.py"), "keys", "generate", "--name", "second",
                                    "--file", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        write_keys(path, [*read_keys(path), StoredKey("third", "0" * 64, ("predict",))])

    assert 0 == process.wait(timeout=60)
    assert ["first", "third", "second"] == [key.name for key in read_keys(path)]


def test_without_a_command_there_is_help() -> None:
    """As of the other groups."""
    done = run("keys")

    assert (0, "") == (done.exit_code, done.stderr) and "generate" in done.stdout
