"""``linear-regressor keys``: a key is shown once, and stored as its digest."""

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

from linear_regressor.output_file import locked
from linear_regressor.serving.auth.api_keys import StoredKey, read_keys, write_keys
from tests.command_line import ROOT, run, run_process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A keys file that does not exist."""
    return tmp_path / "folder" / "keys.json"


def test_a_new_key_is_shown_once_and_stored_as_its_sha256(path: Path) -> None:
    """Standard output has only the key, for scripts; the file has name, digest and scopes."""
    result = run("keys", "generate", "--name", "ci", "--scope", "predict", "--file", path)
    (key,) = result.stdout.split()

    assert (0, 46) == (result.exit_code, len(key))
    assert {"keys": [{"name": "ci", "sha256": hashlib.sha256(key.encode()).hexdigest(), "scopes": ["predict"]}]
            } == json.loads(path.read_text())
    assert key not in path.read_text() + result.stderr
    assert [path.name] == [entry.name for entry in path.parent.iterdir()]
    assert not path.stat().st_mode & stat.S_IWOTH


def test_keys_are_added_listed_and_revoked(path: Path) -> None:
    """The list has the start of each digest, and no key."""
    for name, scopes in (("a", ("predict",)), ("b", ("feedback", "admin"))):
        options = [word for scope in scopes for word in ("--scope", scope)]
        run("keys", "generate", "--name", name, *options, "--file", path)
    stored = json.loads(path.read_text())["keys"]
    listed = run("keys", "list", "--file", path).stdout.splitlines()

    assert [f"a\tpredict\t{stored[0]['sha256'][:12]}", f"b\tfeedback,admin\t{stored[1]['sha256'][:12]}"] == listed
    assert 0 == run("keys", "revoke", "--name", "a", "--file", path).exit_code
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
    (["revoke", "--name", "nobody"], 2, "--name: 'nobody' has no key"),
    (["revoke"], 2, "Missing option '--name'"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_misuse_is_one_line_and_changes_nothing(path: Path, arguments: list[str], exit_code: int, words: str) -> None:
    """It names the option."""
    run("keys", "generate", "--name", "ci", "--file", path)
    before = path.read_bytes()
    result = run("keys", *arguments, "--file", path)

    assert (exit_code, 1) == (result.exit_code, result.stderr.count("\n"))
    assert words in result.stderr
    assert before == path.read_bytes()


@pytest.mark.parametrize("command", [["list"], ["revoke", "--name", "a"]])
def test_a_missing_file_is_one_line_that_says_how_to_create_it(path: Path, command: list[str]) -> None:
    """Only ``generate`` creates one."""
    result = run("keys", *command, "--file", path)

    assert (2, 1) == (result.exit_code, result.stderr.count("\n"))
    assert "keys generate" in result.stderr


def test_a_damaged_file_is_not_overwritten(path: Path) -> None:
    """Its owner may be able to repair it."""
    path.parent.mkdir()
    path.write_text('{"keys": [')
    result = run("keys", "generate", "--name", "ci", "--file", path)

    assert (2, "") == (result.exit_code, result.stdout)
    assert '{"keys": [' == path.read_text()


def test_a_full_disk_leaves_the_old_file_whole(path: Path) -> None:
    """The file is replaced in one step, and a key that was not stored is not shown."""
    run("keys", "generate", "--name", "ci", "--file", path)
    before = path.read_bytes()
    done = run_process("keys", "generate", "--name", "more", "--file", path, file_size_limit=64)

    assert (1, "") == (done.returncode, done.stdout)
    assert before == path.read_bytes()


def test_the_commands_in_the_documentation_run(tmp_path: Path) -> None:
    """All but the last, which serves; the tests of the server run that."""
    (block,) = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "security.md").read_text(), re.DOTALL)
    for command in block.splitlines()[:-1]:
        program, *arguments = shlex.split(command)
        done = subprocess.run([sys.executable, str(ROOT / "main.py"), *arguments], cwd=tmp_path, check=True)

        assert ("linear-regressor", 0) == (program, done.returncode)
    assert (tmp_path / "build" / "keys.json").exists()


def test_concurrent_commands_lose_no_key(path: Path) -> None:
    """Each waits for the lock before it reads the file."""
    run("keys", "generate", "--name", "first", "--file", path)
    with locked(path):
        process = subprocess.Popen([sys.executable, str(ROOT / "main.py"), "keys", "generate", "--name", "second",
                                    "--file", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        write_keys(path, [*read_keys(path), StoredKey("third", "0" * 64, ("predict",))])

    assert 0 == process.wait(timeout=60)
    assert ["first", "third", "second"] == [key.name for key in read_keys(path)]
