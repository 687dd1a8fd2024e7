"""Every step of the runbook that one machine can run, against a real server and store."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.artefact.history import ModelHistory
from linear_regressor.errors import StoreUnavailable
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.feedback import Feedback
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from tests.command_line import clean_environ, run
from tests.feedback import draw
from tests.mounted_disk import mounted_disk, remount
from tests.postgresql import postgresql_server
from tests.running_server import ROOT, RunningServer, start

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
PROGRAMS = Path(sys.executable).parent


def steps(section: str) -> list[str]:
    """List the blocks that a section tells to run."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", RUNBOOK, re.DOTALL | re.MULTILINE)
    return re.findall(r"```bash\n(.*?)```", text, re.DOTALL)


@dataclass
class Machine:
    """A folder with a champion, a store, keys, and a server of them."""

    folder: Path
    random: np.random.Generator
    variables: dict[str, str] = field(default_factory=dict)
    server: RunningServer | None = None

    def sh(self, script: str, **variables: str) -> str:
        """Run commands as the runbook's reader would; return what they print."""
        environ = clean_environ({"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "USER": "ann", **self.variables,
                                 **variables})
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.folder, env=environ, text=True,
                              capture_output=True, timeout=120)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def data(self, name: str, shift: float = 0.0, rows: int = 500) -> None:
        """Write rows as a file."""
        X, y = draw(self.random, rows, shift)
        np.savetxt(self.folder / name, np.column_stack([X, y]), delimiter=",", header="price,age,sales", comments="",
                   fmt="%.17g")

    def feedback(self, rows: int, shift: float = 0.0, caller: str | None = "shop") -> None:
        """Store rows as a server would that a caller sends them to."""
        X, y = draw(self.random, rows, shift)
        with closing(open_store(self.variables["STORE"])) as store:
            store.require_columns(("price", "age"), "sales")
            for first in range(0, rows, 50):
                part = slice(first, first + 50)
                feedback = Feedback(X[part], y[part], f"{caller}-{y[first]!r}", caller, str(self.champion))
                assert "stored" == store.add(feedback)

    @property
    def champion(self) -> str | None:
        """Version in use."""
        return ModelHistory.of(self.variables["MODELS"]).champion()

    def key(self, name: str, *scopes: str) -> str:
        """Generate a key."""
        options = [option for scope in scopes for option in ("--scope", scope)]
        done = run("keys", "generate", "--name", name, *options, "--file", self.variables["API_KEYS_FILE"])
        return done.stdout.strip()

    def serve(self) -> RunningServer:
        """Start the server."""
        self.server = start(Path(self.variables["MODELS"]), environment={
            "AUTH": "api-key", "API_KEYS_FILE": self.variables["API_KEYS_FILE"], "STORE": self.variables["STORE"]},
            output=subprocess.DEVNULL)
        self.variables["URL"] = f"http://127.0.0.1:{self.server.port}"
        return self.server

    def status(self, key: str) -> int:
        """Status of a prediction with a key."""
        return int(self.sh("curl --silent --output /dev/null --write-out '%{http_code}' --header \"X-API-Key: $SENT\" "
                           "--header 'Content-Type: application/json' --data '{\"instance\": [5, 5]}' \"$URL/stream\"",
                           SENT=key))


@pytest.fixture
def machine(tmp_path: Path, random: np.random.Generator) -> Iterator[Machine]:
    """A machine whose first model was promoted; the server is started by the test."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    found = Machine(tmp_path, random, {
        "MODELS": str(tmp_path / "models"), "STORE": f"sqlite:///{tmp_path}/feedback.db",
        "API_KEYS_FILE": str(tmp_path / "keys.json")})
    found.variables["ADMIN_KEY"] = found.key("operator", "predict", "admin")
    migrate(StoreLocation.parse(found.variables["STORE"]))
    found.data("first.csv")
    found.data("test.csv", rows=300)
    data, schema, model = tmp_path / "first.csv", tmp_path / "schema.yaml", tmp_path / "first.joblib"
    for command in (("verify", data, "--schema", schema, "--learn"),
                    ("train", "--data", data, "--schema", schema, "--features", "price,age", "--target", "sales",
                     "--model-save-path", model),
                    ("models", "promote", model, "--models", found.variables["MODELS"],
                     "--data", tmp_path / "test.csv")):
        done = run(*command)
        assert done.exit_code == 0, done.output
    yield found
    if found.server is not None:
        found.server.process.terminate()
        found.server.process.wait(timeout=20)


def test_every_section_of_the_table_exists() -> None:
    """And every section is in the table."""
    linked = set(re.findall(r"\]\(#([a-z-]+)\)", RUNBOOK))
    sections = {title.lower().replace(" ", "-") for title in re.findall(r"^## (.*)$", RUNBOOK, re.MULTILINE)}
    assert linked == sections and len(sections) == 9


def test_deploy_and_roll_back(machine: Machine) -> None:
    """A running server serves what the last step put into use."""
    machine.data("new.csv", shift=5.0)
    machine.data("test.csv", shift=5.0, rows=300)
    first = machine.champion
    server = machine.serve()
    train, look = steps("Deploy a model")
    machine.sh(train)
    second = machine.champion
    assert second != first
    assert_served(machine, look, second)

    (back,) = steps("Roll back")
    assert "predictions are 10 % too high since noon" in machine.sh(back)
    assert machine.champion == first
    assert_served(machine, look, first)
    assert server.process.poll() is None


def assert_served(machine: Machine, look: str, version: str | None) -> None:
    """Within two seconds; more on a busy machine."""
    assert eventually(lambda: f"x-model-digest: sha256:{version}" in machine.sh(look).lower())


def test_an_api_key_is_rotated_without_a_rejected_request(machine: Machine) -> None:
    """The new one works before the old one is revoked, which holds within a second."""
    old = machine.key("shop", "predict", "feedback")
    machine.serve()
    assert 200 == machine.status(old)
    (rotate,) = steps("Rotate an API key")
    generate, listed, revoke = rotate.strip().splitlines()
    machine.sh(generate)
    new = (machine.folder / "shop-2.key").read_text().strip()
    assert eventually(lambda: machine.status(new) == 200) and 200 == machine.status(old)
    assert {"shop", "shop-2"} <= set(machine.sh(listed).split())
    machine.sh(revoke)
    assert eventually(lambda: machine.status(old) == 401) and 200 == machine.status(new)


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something holds within ten seconds."""
    deadline = time.monotonic() + 10
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_the_password_of_the_store_is_rotated(machine: Machine) -> None:
    """A second role takes over, and the first one can no longer log in."""
    if shutil.which("psql") is None:
        pytest.skip("psql is not installed (Debian: apt-get install postgresql)")
    with postgresql_server() as database:
        address = f"127.0.0.1:{database.port}/postgres"
        owner, first, second = (f"postgresql://{role}@{address}" for role in ("postgres", "feedback_a", "feedback_b"))
        migrate(StoreLocation.parse(owner))
        machine.sh("""psql "$OWNER_URL" --command 'CREATE ROLE feedback_writers' \
            --command 'GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO feedback_writers' \
            --command 'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO feedback_writers' \
            --command 'CREATE ROLE feedback_a LOGIN IN ROLE feedback_writers'""", OWNER_URL=owner)
        assert "not recorded yet" in machine.sh("linear-regressor store check", STORE=first)
        create, lock = steps("Rotate the password of the store")
        names = {"OWNER_URL": owner, "NEW_STORE": second, "NEW_PASSWORD": "new"}  # pragma: allowlist secret  # a test
        assert "not recorded yet" in machine.sh(create, **names)
        machine.sh(lock, **names)
        machine.variables["STORE"] = second
        machine.feedback(50)
        assert "not permitted to log in" in machine.sh("linear-regressor store check 2>&1 || true", STORE=first)
        assert "rows         50" in machine.sh("linear-regressor store check")


def test_a_drift_alarm_leads_to_a_new_champion(machine: Machine) -> None:
    """The report names the change, the dry run changes nothing."""
    machine.feedback(600)
    machine.feedback(600, shift=5.0)
    look, act = steps("Drift alarm")
    assert "ALARM  line of sales" in machine.sh(look) and (machine.folder / "report.html").stat().st_size > 1000
    first = machine.champion
    shown = machine.sh(act)
    assert "nothing: this is a dry run" in shown
    assert "by ann" in machine.sh('linear-regressor models list --models "$MODELS"')
    assert machine.champion != first


def test_a_poisoner_is_locked_out_and_left_out(machine: Machine) -> None:
    """Its rows stay as evidence."""
    key = machine.key("mallory", "predict", "feedback")
    machine.serve()
    assert 200 == machine.status(key)
    for _ in range(6):
        machine.feedback(100, caller="shop")
        machine.feedback(100, shift=-8.0, caller="mallory")
    stop, export = steps("Poisoned feedback")
    shown = machine.sh(stop)
    assert "ALARM  feedback of mallory" in shown or re.search(r"ALARM .*mallory", shown), shown
    assert "feedback    600 rows" in shown, shown
    assert eventually(lambda: machine.status(key) == 401)
    machine.sh(export)
    assert (machine.folder / "evidence.parquet").stat().st_size > 1000


def test_a_full_disk_gets_room_without_a_lost_row(machine: Machine) -> None:
    """Rows that were acknowledged are there before, and in the blocks after."""
    with mounted_disk(machine.folder / "disk", "size=2m") as disk:
        machine.variables["STORE"] = f"sqlite:///{disk}/feedback.db"
        migrate(StoreLocation.parse(machine.variables["STORE"]))
        stored = 0
        with pytest.raises(StoreUnavailable, match="disk is full"):
            for _ in range(1000):
                machine.feedback(50)
                stored += 50
        (room,) = steps("Full disk")
        remount(disk, "size=6m")
        shown = machine.sh(room.replace("90d", "0h"))
        assert f"deleted {stored} rows" in shown, shown
        machine.feedback(50)
        with closing(open_store(machine.variables["STORE"])) as store:
            store.cut_blocks()
            assert stored + 50 == sum(each.block.rows.moments.n for each in store.blocks())


def test_a_lost_database_is_restored_and_counts_on(machine: Machine) -> None:
    """With a backup and without one."""
    file = machine.folder / "feedback.db"
    machine.feedback(200)
    backup = file.read_bytes()
    machine.feedback(400, shift=5.0)
    machine.sh('linear-regressor retrain --models "$MODELS" --store "$STORE"')
    for ending in ("", "-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)
    file.write_bytes(backup)
    restored, new = steps("Lost database")
    shown = machine.sh(restored, LAST="600")
    assert "store continue --after 600" in shown and "new rows get serial numbers after 600" in shown
    machine.feedback(100, shift=5.0)
    report = machine.sh('linear-regressor monitor --model-path "$MODELS" --store "$STORE"')
    assert "feedback  100 rows after row 600" in report

    machine.sh(new)
    machine.variables["STORE"] = "sqlite:///new.db"
    found = json.loads(machine.sh('linear-regressor models list --models "$MODELS" --json'))
    assert 600 == max(promotion["cut"] for promotion in found["promotions"])


def test_a_lost_region_is_left_for_a_copy(machine: Machine) -> None:
    """Server, models and store are gone; the copy, a backup and the keys are elsewhere."""
    before, restore, check = steps("Lost region")
    database = machine.folder / "feedback.db"
    machine.feedback(200)
    backup = database.read_bytes()
    machine.feedback(400, shift=5.0)
    machine.sh('linear-regressor retrain --models "$MODELS" --store "$STORE"')
    server, champion = machine.serve(), machine.champion
    machine.variables["COPY"] = str(machine.folder / "elsewhere" / "models")
    assert f"{champion}" in machine.sh(before)

    workers = server.workers()
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(timeout=20)
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers):  # which close the store
        assert time.monotonic() < deadline
        time.sleep(0.05)
    shutil.rmtree(machine.variables["MODELS"])
    for lost in machine.folder.glob("feedback.db*"):
        lost.unlink(missing_ok=True)
    restored = machine.folder / "elsewhere" / "feedback.db"
    restored.write_bytes(backup)
    machine.variables |= {"MODELS": machine.variables["COPY"], "STORE": f"sqlite:///{restored}"}
    shown = machine.sh(restore, LAST="600")
    assert "store continue --after 600" in shown and "new rows get serial numbers after 600" in shown
    machine.serve()
    shown = machine.sh(check)
    assert '{"ready":true}' in shown and f"x-model-digest: sha256:{champion}" in shown.lower(), shown
    machine.feedback(100, shift=5.0)
    report = machine.sh('linear-regressor monitor --model-path "$MODELS" --store "$STORE"')
    assert "feedback  100 rows after row 600" in report


def test_a_copy_that_meets_a_promotion_has_every_version_that_it_needs(machine: Machine) -> None:
    """The promotion comes with the next copy."""
    machine.variables["COPY"] = str(machine.folder / "copy")
    create, promotions, versions, listed = steps("Lost region")[0].splitlines()
    first = machine.champion
    machine.sh(f"{create}\n{promotions}")
    machine.data("new.csv", shift=5.0)
    machine.data("test.csv", shift=5.0, rows=300)
    machine.sh(steps("Deploy a model")[0])
    assert machine.champion != first
    machine.sh(f"{versions}\n{listed}")

    fetch = 'linear-regressor models fetch "$COPY@champion" fetched.joblib'
    assert f"version {first}" in machine.sh(fetch)
    machine.sh("\n".join((create, promotions, versions)))
    assert f"version {machine.champion}" in machine.sh(fetch)
