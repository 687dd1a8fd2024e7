"""The whole service on a container engine: each test is a step, and goes on from the one before it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests import ROOT
from tests.system.ledger import Ledger
from tests.system.load import Load, World, give_feedback
from tests.system.stack import Stack, run, until


def alerts(stack: Stack, path: str, port: str) -> list[dict[str, Any]]:
    """List the alerts that fire in Prometheus or have reached Alertmanager."""
    found = stack.ask(path, port)
    return [alert for alert in (found["data"]["alerts"] if isinstance(found, dict) else found or [])
            if alert["labels"]["alertname"] == "LinearRegressorConceptDrift"]


def test_conformance(stack: Stack, ledger: Ledger) -> None:
    """An instance keeps all contracts with 256 MB and one CPU; the gateway adds HTTP rules of its own."""
    passed = stack.make("conformance", URL=stack.instance_url()).splitlines()[-1]
    server = stack.containers("server")[0]

    limits = stack.state(server, "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}}")
    assert limits == f"{256 * 2 ** 20} {256 * 2 ** 20} {10 ** 9}"
    ledger.add("up, conformance", stack.stored(), remark=passed.strip("= "))


def test_feedback_without_a_change(stack: Stack, world: World, ledger: Ledger) -> None:
    """A model of the world that still holds raises no alarm."""
    before = stack.champion()
    stack.compose("run", "--rm", "-T", "jobs", "sh", "-euc",
                  "linear-regressor train --standardize --iterations auto --no-report --model-save-path /tmp/m.joblib; "
                  "linear-regressor models promote /tmp/m.joblib --models /models --force 'the best line'")
    until("the promoted model", lambda: stack.champion() != before)
    acknowledged = give_feedback(int(stack.ports["PORT"]), world, 500)

    stack.job("monitor", "--model-path", "/models")
    ledger.add("feedback", stack.stored(), acknowledged, remark=f"no alarm about {stack.champion()}")


def test_an_alert_of_drift_reaches_alertmanager(stack: Stack, world: World, ledger: Ledger) -> None:
    """The world changes: the service's report raises the metric, Prometheus fires, Alertmanager has it."""
    assert alerts(stack, "/api/v1/alerts", "PROMETHEUS_PORT") == []
    world.shift = 80.0
    start = time.monotonic()
    acknowledged = give_feedback(int(stack.ports["PORT"]), world, 1000)

    until("an alert in Prometheus", lambda: [alert for alert in alerts(stack, "/api/v1/alerts", "PROMETHEUS_PORT")
                                             if alert["state"] == "firing"], 180)
    until("the alert in Alertmanager", lambda: alerts(stack, "/api/v2/alerts", "ALERTMANAGER_PORT"))
    ledger.add("drift, alert", stack.stored(), acknowledged,
               remark=f"in Alertmanager {time.monotonic() - start:.0f} s after the change")


def test_a_retrained_model_is_promoted_and_served(stack: Stack, world: World, ledger: Ledger) -> None:
    """Under load, without a failed request."""
    before = stack.champion()
    with Load(int(stack.ports["PORT"]), world) as load:
        stack.job("retrain", "--models", "/models", "--when-drifted")
        until("the new model", lambda: stack.champion() != before, 10)

    assert load.answered > 0
    ledger.add("retrain, promotion", stack.stored(), predictions=load.answered, failed=load.failed,
               remark=f"{before} -> {stack.champion()}")


def test_load(stack: Stack, world: World, ledger: Ledger) -> None:
    """As fast as eight callers can: nothing fails, and the instance stays within its memory."""
    server = stack.containers("server")[0]
    with Load(int(stack.ports["PORT"]), world, predicting=8, pause=0.0, reporting=True) as load:
        time.sleep(15.0)  # the duration of the load, not a wait

    assert stack.state(server, "{{.State.OOMKilled}} {{.RestartCount}}") == "false 0"
    rate, slow = load.answered / 15.0, sorted(load.seconds)[int(0.99 * len(load.seconds))]
    assert load.refused == 0
    ledger.add("load", stack.stored(), load.acknowledged, load.answered, load.failed,
               f"{rate:.0f} requests/s, p99 {1000.0 * slow:.0f} ms")


def test_upgrade_and_rollback(stack: Stack, world: World, previous_image: str, ledger: Ledger) -> None:
    """Between the previous image and this one, in both directions under load."""
    current = stack.images["SERVICE_IMAGE"]
    numbers = {image: stack.docker("image", "inspect", "--format", "{{.Id}}", image)
               for image in (current, previous_image)}
    assert len(set(numbers.values())) == 2, "the previous image is the same"
    stack.replace(previous_image)
    for step, image in (("upgrade", current), ("rollback", previous_image), ("upgrade again", current)):
        with Load(int(stack.ports["PORT"]), world, reporting=True) as load:
            stack.replace(image)

        assert [stack.state(container, "{{.Image}}") for container in stack.containers("server")] == [numbers[image]]
        assert load.answered > 0 and load.refused == 0
        ledger.add(step, stack.stored(), load.acknowledged, load.answered, load.failed, f"to {image}")


def test_an_instance_that_does_not_start_replaces_nothing(stack: Stack, world: World, ledger: Ledger) -> None:
    """An image without the server, as after a bad build."""
    before = stack.containers("server")
    with Load(int(stack.ports["PORT"]), world) as load:
        with pytest.raises(AssertionError, match="was not ready within 5 s and is removed; the old one still answers"):
            run([str(ROOT / "scripts" / "replace_server.sh"), stack.images["JOBS_IMAGE"], "5"], stack.environment)

    assert stack.containers("server") == before
    ledger.add("bad upgrade", stack.stored(), None, load.answered, load.failed, "the old instance stays")


def test_a_killed_database_loses_no_acknowledged_row(stack: Stack, world: World, ledger: Ledger) -> None:
    """Predictions go on without it, and feedback that was refused is taken afterwards."""
    database = stack.containers("postgresql")[0]
    with Load(int(stack.ports["PORT"]), world, reporting=True) as load:
        until("feedback before", lambda: load.acknowledged)
        stack.docker("kill", "--signal", "KILL", database)
        before = load.answered
        until("predictions without a database", lambda: load.refused and load.answered > before + 100)
        kept = len(load.acknowledged)
        stack.docker("start", database)
        until("feedback afterwards", lambda: len(load.acknowledged) > kept)

    ledger.add("database killed", stack.stored(), load.acknowledged, load.answered, load.failed,
               f"{load.refused} requests with feedback refused, then stored")


def test_a_restart_loses_nothing(stack: Stack, ledger: Ledger) -> None:
    """Model, feedback and metrics are in volumes: all containers are removed and made anew."""
    champion, rows = stack.champion(), len(stack.stored())
    stack.make("down")
    stack.up()

    assert (stack.champion(), len(stack.stored())) == (champion, rows)
    ledger.add("down, up", stack.stored(), remark=f"{rows:,} rows, model {champion}")
