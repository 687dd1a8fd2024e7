"""``linear-regressor models`` as processes: what it prints, conflicts, and promotions that are killed."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.promotion import user_name
from linear_regressor.verification.finding import Finding, Severity, VerificationReport
from linear_regressor.verification.verified import Verified
from tests.applications import artefact_of
from tests.command_line import ROOT, run, run_process

POINTS = 60
ROUNDS = 30
# Forks a process for each line, which runs one command without importing anything for it.
COMMANDS = """
import contextlib, io, json, os, sys
import linear_regressor.cli.models, linear_regressor.retraining.promotion
from linear_regressor.cli import main

print("ready", flush=True)
for line in iter(sys.stdin.readline, ""):
    child = os.fork()
    if child:
        sys.stdin.readline()  # until then its id is not used again
        os.waitpid(child, 0)
        print("ended", flush=True)
        continue
    print(os.getpid(), flush=True)
    text = io.StringIO()
    try:
        with contextlib.redirect_stderr(text), contextlib.redirect_stdout(text):
            main(json.loads(line))
    except SystemExit as end:
        print(json.dumps([end.code, text.getvalue()]), flush=True)
    os._exit(0)
"""


class Commands:
    """A process that runs commands, one after the other."""

    def __init__(self) -> None:
        # one thread, so that it may fork
        self.process = subprocess.Popen([sys.executable, "-c", COMMANDS], stdin=subprocess.PIPE, text=True, cwd=ROOT,
                                        stdout=subprocess.PIPE, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        assert "ready\n" == self._line()

    def begin(self, *arguments: object) -> int:
        """Start a command; return the id of its process."""
        self._write(json.dumps([str(argument) for argument in arguments]))
        return int(self._line())

    def end(self) -> tuple[int, str]:
        """Wait for its end; return exit code and output."""
        code, text = json.loads(self._line())
        self.end_of_killed()
        return code, text

    def end_of_killed(self) -> None:
        """Wait for the end of a command that may not have written anything."""
        self._write("")
        while not self._line().endswith("ended\n"):
            pass

    def close(self) -> None:
        """End the process."""
        self.process.communicate()

    def _write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@contextmanager
def commands() -> Iterator[Commands]:
    """Start a process, and end it."""
    process = Commands()
    try:
        yield process
    finally:
        process.close()


def verified(features: int, seed: int = 0) -> Artefact:
    """Fit a model whose card says that its rows were verified."""
    return replace(artefact_of(features, seed), card={"verification": Verified(50, None, True, 0, 0, ()).to_card()})


def model(seed: int, folder: Path) -> Path:
    """Save a model, each one another."""
    path = folder / f"{seed}.joblib"
    save(verified(1, seed), path, {})
    return path


def version(path: Path) -> str:
    """Name of the version of a model file."""
    return load(path).digest[:12]


def write_rows(path: Path, count: int, seed: int = 5) -> Path:
    """Write rows of the line that the models were fitted to."""
    draws = np.random.default_rng(seed)
    X = draws.normal(size=count)
    y = 2.0 * X + 0.5 + draws.normal(size=count)
    path.write_text("y,x0\n" + "".join(f"{b!r},{a!r}\n" for a, b in zip(X.tolist(), y.tolist(), strict=True)))
    return path


def test_the_first_model_needs_no_test_rows(tmp_path: Path) -> None:
    """The file becomes a version; promoting it again changes nothing."""
    path, models = model(0, tmp_path), tmp_path / "models"
    first, again = (run_process("models", "promote", path, "--models", models) for _ in range(2))
    listed = run_process("models", "list", "--models", models)

    assert [(0, "")] * 3 == [(done.returncode, done.stderr) for done in (first, again, listed)]
    assert re.match(rf"promote     000001  \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC  by {re.escape(user_name())}: none -> "
                    rf"{version(path)}\n", first.stdout)
    assert "there is no champion to compare with" in first.stdout
    assert f"{version(path)} is in use already\n" == again.stdout
    assert [f"champion    {version(path)}", "challenger  none",
            f"version     {version(path)}  champion    50 rows, y from x0"] == listed.stdout.splitlines()[:3]
    assert ["000001.json"] == os.listdir(models / "promotions")


def test_the_gate_decides_on_the_rows_that_are_given(tmp_path: Path) -> None:
    """Without rows it refuses; a better model is promoted; a worse one is a challenger, unless it is forced."""
    good, models, rows = model(0, tmp_path), tmp_path / "models", write_rows(tmp_path / "test.csv", 2000)
    bad = tmp_path / "bad.joblib"
    save(replace(verified(1, 1), b=3.0), bad, {})
    at = ("--models", models)
    assert 0 == run("models", "promote", bad, *at, "--force", "the start").exit_code
    blind = run_process("models", "promote", good, *at)
    seen = run_process("models", "promote", version(good), *at, "--data", rows)
    worse = run_process("models", "promote", bad, *at, "--data", rows, "--where", "x0 < 9")
    listed = json.loads(run("models", "list", *at, "--json").stdout)
    force = ("--force", "the last release", "--by", "me")
    forced = run_process("models", "promote", version(bad), *at, "--data", rows, *force)

    assert (1, "", 1) == (blind.returncode, blind.stdout, blind.stderr.count("\n"))
    assert blind.stderr.startswith(f"Error: {version(bad)} stays in use. Keep: 0 test rows are too few")
    assert blind.stderr.endswith("Give rows to compare on by --data or --store.\n")
    assert (0, "") == (seen.returncode, seen.stderr)
    assert "2000 test rows are enough" in seen.stdout and "from the single rows" in seen.stdout
    assert 1 == worse.returncode and "over the margin of 0" in worse.stderr
    assert (version(good), version(bad)) == (listed["champion"], listed["challenger"])
    assert ["promote", "keep", "promote", "keep"] == [each["action"] for each in listed["promotions"]]
    assert listed["promotions"][2]["evidence"]["difference"]["source"] == "rows"
    assert 0 == forced.returncode and "by me:" in forced.stdout and "forced: the last release\n" in forced.stdout
    assert version(bad) == load(models).digest[:12]


def test_a_model_whose_rows_nobody_verified_needs_a_report_or_force(tmp_path: Path) -> None:
    """The report is that of 'verify --json'; the reason says who checked what."""
    path, models, rows = tmp_path / "model.joblib", tmp_path / "models", write_rows(tmp_path / "rows.csv", 50)
    save(artefact_of(1), path, {})
    at = ("--models", models)
    unknown = run_process("models", "promote", path, *at)
    report = tmp_path / "report.json"
    report.write_text(run("verify", rows, "--json").stdout)
    promoted = run_process("models", "promote", version(path), *at, "--verification", report)

    assert (1, "", 1) == (unknown.returncode, unknown.stdout, unknown.stderr.count("\n"))
    assert unknown.stderr.startswith("Error: no model stays in use. Keep: its training data are not verified: train it "
                                     "with 'train --schema FILE', or give 'models promote' the report of 'verify "
                                     "--json' by --verification FILE, or a reason by --force.")
    assert (0, "") == (promoted.returncode, promoted.stderr)
    assert (f"verification passed: the report {report} is about {rows}, 50 rows without a schema: 0 errors, 0 warnings"
            in promoted.stdout)
    forced = run("models", "promote", path, "--models", tmp_path / "others", "--force", "checked by hand")
    assert 0 == forced.exit_code and "forced: checked by hand\n" in forced.stdout


@pytest.mark.parametrize(("rows", "found", "reason"), [
    (50, Severity.ERROR, "verification failed: the report .* is about rows.csv, 50 rows .* 1 error, 0 warnings .type."),
    (49, Severity.WARNING, "verification failed: the report .* is about 49 rows of rows.csv, but the model learned "
                           "from 50")])
def test_a_report_that_does_not_vouch_for_the_model_keeps_the_champion(tmp_path: Path, rows: int, found: Severity,
                                                                       reason: str) -> None:
    """One with an error, even where the card is good, and one about fewer rows than the model learned from."""
    report = VerificationReport("rows.csv", rows, findings=(Finding("type", "x0", found, "it is text"),))
    (tmp_path / "report.json").write_text(json.dumps({**report.to_plain(), "failed": False}))
    done = run("models", "promote", model(0, tmp_path), "--models", tmp_path / "models", "--verification",
               tmp_path / "report.json")

    assert 1 == done.exit_code and re.search(reason, done.stderr), done.stderr


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', "[" * 100_000])
def test_a_report_that_cannot_be_used_is_one_line(tmp_path: Path, content: str) -> None:
    """Nothing is recorded."""
    (tmp_path / "report.json").write_text(content)
    done = run("models", "promote", model(0, tmp_path), "--models", tmp_path / "models", "--verification",
               tmp_path / "report.json")

    assert (1, 1) == (done.exit_code, done.stderr.count("\n")) and not (tmp_path / "models").exists()
    assert done.stderr.startswith(f"Error: cannot use the report {tmp_path / 'report.json'}: ")


def test_the_order_of_the_features_does_not_matter(tmp_path: Path) -> None:
    """A model with the champion's features in another order is the same line."""
    models, one = tmp_path / "models", verified(2)
    order = np.array([1, 0, 2])
    moments = type(one.moments)(one.moments.n, one.moments.m[order], one.moments.C[np.ix_(order, order)])
    other = replace(one, features=("x1", "x0"), W=one.W[[1, 0]], moments=moments)
    for name, artefact in (("one", one), ("other", other)):
        save(artefact, tmp_path / name, {})
    run("models", "promote", tmp_path / "one", "--models", models)

    assert "the challenger is the same line as the champion" in run("models", "promote", tmp_path / "other", "--models",
                                                                    models).output


def test_a_model_of_other_columns_is_promoted_by_force_only(tmp_path: Path) -> None:
    """There is nothing to compare."""
    models, other = tmp_path / "models", tmp_path / "other.joblib"
    save(verified(2), other, {})
    run("models", "promote", model(0, tmp_path), "--models", models)
    refused = run("models", "promote", other, "--models", models)
    forced = run("models", "promote", other, "--models", models, "--force", "a new column")

    assert (1, 0) == (refused.exit_code, forced.exit_code)
    assert "models of different columns cannot be compared: x0 -> y and x0, x1 -> y" in refused.output


def test_roll_back_and_fetch(tmp_path: Path) -> None:
    """One command each; the fetched file is the promoted one, byte for byte, with its card."""
    paths, models = [model(seed, tmp_path) for seed in range(3)], tmp_path / "models"
    for path in paths:
        assert 0 == run("models", "promote", path, "--models", models, "--force", "test").exit_code
    back = run_process("models", "rollback", "--models", models, "--reason", "wrong units")
    there = run_process("models", "rollback", "--models", models, "--reason", "no", "--to", version(paths[2]))
    fetched = run_process("models", "fetch", f"{models}@{version(paths[0])}", tmp_path / "fetched.joblib")
    champion = run_process("models", "fetch", f"{models}@champion", tmp_path / "champion.joblib")

    assert [0, 0, 0, 0] == [done.returncode for done in (back, there, fetched, champion)]
    assert f"{version(paths[2])} -> {version(paths[1])}\n            wrong units\n" in back.stdout
    assert paths[0].read_bytes() == (tmp_path / "fetched.joblib").read_bytes()
    assert paths[2].read_bytes() == (tmp_path / "champion.joblib").read_bytes()
    assert load(paths[0]).digest in fetched.stdout
    assert user_name() == json.loads((tmp_path / "champion.card.json").read_text())["added_by"]


def test_an_empty_folder_and_a_wrong_version_are_explained(tmp_path: Path) -> None:
    """A misspelt folder has no versions, which is said; a name after @ is no version."""
    missing, other = run("models", "list", "--models", tmp_path / "no"), tmp_path / "rows.csv"
    other.write_text("x,y\n1,2\n")
    fetched = run("models", "fetch", f"{tmp_path}/models@first", tmp_path / "out.joblib")
    file = run("models", "list", "--models", other)
    damaged = run("models", "promote", other, "--models", tmp_path / "models")

    assert missing.stdout.endswith(f"no has no versions: 'linear-regressor models promote MODEL --models "
                                   f"{tmp_path}/no' adds one\n")
    assert 1 == fetched.exit_code and "or a version of it, such as FOLDER@526641b126b9" in fetched.stderr
    assert 2 == file.exit_code and f"{other} is a file; name the folder of a model's versions" in file.stderr
    assert 1 == damaged.exit_code and f"--model-save-path {other}" not in damaged.stderr


@pytest.mark.parametrize(("arguments", "exit_code", "message"), [
    (("rollback", "--reason", "x"), 2, "has no champion before the present one to return to"),
    (("rollback", "--reason", " "), 2, "'--reason': must not be empty"),
    (("rollback",), 2, "Missing option '--reason'"),
    (("rollback", "--reason", "x", "--to", "0" * 12), 2, "--to 000000000000 has never been in use"),
    (("promote", "0" * 12), 1, "models has no version 000000000000; 'linear-regressor models list' prints them"),
    (("promote", "none.joblib"), 1, "cannot read the model file none.joblib: No such file"),
    (("promote", "none.joblib", "--where", "x > 1"), 2, "--where needs --data"),
    (("promote", "none.joblib", "--verification", "none.json"), 1, "cannot use the report none.json: No such file"),
    (("promote", "none.joblib", "--force", " "), 2, "'--force': must not be empty"),
], ids=str)
def test_misuse_is_one_line(tmp_path: Path, arguments: tuple[str, ...], exit_code: int, message: str) -> None:
    """It changes nothing."""
    models = tmp_path / "models"
    run("models", "promote", model(0, tmp_path), "--models", models)
    done = run_process("models", *arguments, "--models", models)

    assert (exit_code, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert message in done.stderr
    assert 1 == len(ModelHistory.of(str(models)).promotions())


def test_commands_read_the_champion_of_a_folder(tmp_path: Path) -> None:
    """Evaluate, predict and compare give the same as with the file."""
    path, models, rows = model(0, tmp_path), tmp_path / "models", write_rows(tmp_path / "rows.csv", 50)
    run("models", "promote", path, "--models", models)
    for name in (path, models):
        assert 0 == run("predict", rows, tmp_path / f"{name.stem}.csv", "--model-path", name).exit_code
    outputs = [run("evaluate", "--model-path", name, "--data", rows).stdout for name in (path, models)]
    compared = run("compare", models, path)

    assert outputs[0] == outputs[1] and "on the 50 rows" in outputs[0]
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "models.csv").read_bytes()
    assert "largest      +0 " in compared.stdout


def test_a_damaged_version_is_listed_with_its_error(tmp_path: Path) -> None:
    """The others are listed, too."""
    paths, models = [model(seed, tmp_path) for seed in range(2)], tmp_path / "models"
    for path in paths:
        run("models", "promote", path, "--models", models, "--force", "test")
    damaged = models / version(paths[0]) / "model.joblib"
    damaged.write_bytes(b"x")
    listed = run("models", "list", "--models", models)

    assert 0 == listed.exit_code
    assert f"{version(paths[0])}  former      cannot use the model file {damaged}: " in listed.stdout
    assert f"{version(paths[1])}  champion    50 rows" in listed.stdout


def test_a_promotion_that_is_killed_leaves_a_whole_history(tmp_path: Path, seed: int) -> None:
    """At random points: the old or the new champion is in use, and running the command again completes it."""
    draws, models, champion, seen = random.Random(seed), tmp_path / "models", "", set[tuple[bool, bool]]()
    with commands() as process:
        took = median(_seconds(process, model(100 + number, tmp_path), tmp_path / "measured") for number in range(7))
        for point in range(POINTS):
            path = model(point, tmp_path)
            promote = ("models", "promote", path, "--models", models, "--force", "test")
            running = process.begin(*promote)
            if point == POINTS - 1:
                process.end()  # the last one is not killed
            else:
                time.sleep(draws.uniform(0, 1.2 * took) if point else 0)  # the point
                os.kill(running, signal.SIGKILL)
                process.end_of_killed()
            after = _checked(models)
            seen.add((after == version(path), (models / version(path)).is_dir()))

            assert after in (champion, version(path)), f"seed {seed}"
            assert 0 == run(*promote).exit_code, f"seed {seed}"
            champion = _checked(models)
            assert version(path) == champion, f"seed {seed}"
    assert POINTS == len(ModelHistory.of(str(models)).promotions())
    assert {(False, False), (True, True)} <= seen, f"seed {seed}"  # the points were neither all too early nor too late


def _seconds(process: Commands, path: Path, models: Path) -> float:
    """How long a promotion takes."""
    begin = time.monotonic()
    process.begin("models", "promote", path, "--models", models, "--force", "test")
    assert 0 == process.end()[0]
    return time.monotonic() - begin


def _checked(models: Path) -> str:
    """Check the history, every version and the champion; return it, empty for none."""
    history = ModelHistory.of(str(models))
    promotions = history.promotions()
    for one in history.versions():
        assert one == history.load(one).digest[:12] and history.facts(one)
    for before, after in zip(promotions, promotions[1:], strict=False):
        assert before.champion == after.from_version
    if promotions.champion is None:
        return ""
    assert promotions.champion == load(models).digest[:12]
    return promotions.champion


@pytest.mark.parametrize("limit", [100, 2000])
def test_a_full_disk_leaves_a_whole_history(tmp_path: Path, limit: int) -> None:
    """Whether the version or its promotion cannot be written: one line, no part of it and no temporary file."""
    first, second, models = model(0, tmp_path), model(1, tmp_path), tmp_path / "models"
    run("models", "promote", first, "--models", models)
    if limit == 2000:  # a version fits, a promotion with this name does not
        run("models", "promote", second, "--models", models)
    before = sorted(models.rglob("*"))
    done = run_process("models", "promote", second, "--models", models, "--force", "test", "--by", "n" * limit,
                       file_size_limit=limit)

    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert done.stderr.startswith("Error: cannot write ") and done.stderr.endswith(": File too large\n")
    assert before == sorted(models.rglob("*"))
    assert version(first) == _checked(models)


def test_of_two_promotions_at_once_none_is_lost(tmp_path: Path) -> None:
    """Each that succeeds is in the history and knew the one before it; each other has changed nothing, and says so."""
    models, conflicts = tmp_path / "models", 0
    paths = [model(seed, tmp_path) for seed in range(4)]
    history = ModelHistory.of(str(models))
    with commands() as one, commands() as other:
        for number in range(ROUNDS):
            before = history.promotions()
            chosen = paths[:2] if number % 2 else paths[2:]
            for process, path in zip((one, other), chosen, strict=True):
                process.begin("models", "promote", path, "--models", models, "--force", "test")
            ends = [process.end() for process in (one, other)]
            _checked(models)
            after = history.promotions()

            assert before == after[:len(before)]
            assert len(after) - len(before) == sum(code == 0 for code, _ in ends) >= 1
            for code, text in ends:
                assert code == 0 or "exists: somebody else promoted a model" in text and 1 == text.count("\n")
            conflicts += any(code for code, _ in ends)
    print(f"{conflicts} conflicts")
    assert conflicts > 0


def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    """Those of docs/models.md, in a folder with the committed model."""
    (tmp_path / "models").mkdir()
    for path in (ROOT / "models").iterdir():
        (tmp_path / "models" / path.name).write_bytes(path.read_bytes())
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "models.md").read_text(), re.DOTALL)
    script = "".join(blocks).replace("linear-regressor ", f"'{sys.executable}' '{ROOT / 'main.py'}' ")
    done = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True)

    assert 0 == done.returncode, done.stderr
    assert (tmp_path / "models" / "simple_linear_regressor.joblib").read_bytes() == (
        tmp_path / "build" / "champion.joblib").read_bytes()
