"""The report of a model: what it finds, what it leaves out, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.lineage import Lineage
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.block import Block, Interval
from linear_regressor.monitoring.report import MonitoringReport, monitor
from linear_regressor.monitoring.traffic_file import TrafficFile
from tests.monitored import NOON, model, rows, traffic_of

BLOCK, CUT = 50, 1000
SEED = 7  # states are compared, and a new seed may raise a false alarm by chance


@pytest.fixture
def random() -> np.random.Generator:
    """Rows that are the same in each run."""
    return np.random.default_rng(SEED)


def blocks_of(random: np.random.Generator, shifts: list[float], principals: tuple[str | None, ...] = (None,),
              digest: str = "d") -> list[Block]:
    """A block of each principal and shift of the intercept, in order."""
    found = []
    for place, shift in enumerate(shifts):
        for principal in principals:
            moments = Moments.from_arrays(*rows(random, BLOCK, shift))
            first = CUT + 1 + 1000 * place
            found.append(Block(Interval(first, first + 999, moments, None), principal, digest))
    return found


def counts_of(blocks: list[Block], outside: int) -> dict[tuple[int, str | None, str], int]:
    """The same number of rows outside their intervals in each block."""
    return {(block.rows.first, block.principal, block.model): outside for block in blocks}


def states(report: MonitoringReport) -> dict[tuple[str, str], str]:
    """State of each test by subject and name."""
    return {(finding.subject, finding.name): finding.state for finding in report.findings}


@pytest.fixture
def artefact(random: np.random.Generator) -> Artefact:
    """A model of two features."""
    return model(random)


def test_a_changed_line_is_found_with_its_row_and_time(artefact: Artefact, random: np.random.Generator) -> None:
    """After 20 blocks the target rises by one standard deviation of its errors."""
    blocks = blocks_of(random, [0.0] * 20 + [1.0] * 20)
    times = {block.rows.first: NOON + timedelta(hours=place) for place, block in enumerate(blocks)}
    report = monitor(artefact, Lineage(cut=CUT), blocks, counts_of(blocks, 5), None, times=times)
    line, coverage = report.findings

    assert report.drift and line.alarm and line.since is not None and line.at == times[line.since]
    assert abs(line.since - (CUT + 20_001)) <= 1000
    assert line.size == pytest.approx(1.0, abs=0.3)
    assert coverage.state == "none" and coverage.size == pytest.approx(0.0)
    assert report.feedback.rows == 40 * BLOCK == sum(point.rows for point in report.feedback.errors)
    assert report.feedback.errors[-1].mean == pytest.approx(1.0, abs=0.6)
    assert report.feedback.line_path.log_e[-1] == pytest.approx(line.log_e)
    assert report.feedback.line_path.ends[-1] == blocks[-1].rows.last


def test_rows_up_to_the_cut_are_not_tested(artefact: Artefact, random: np.random.Generator) -> None:
    """The model has learned from them or was chosen by them; --since leaves out more."""
    blocks = blocks_of(random, [1.0] * 20 + [0.0] * 20)
    after = CUT + 20_000

    assert monitor(artefact, Lineage(cut=CUT), blocks, None, None).findings[0].certain
    for lineage, since in ((Lineage(cut=after), None), (Lineage(cut=CUT), after + 1)):
        report = monitor(artefact, lineage, blocks, None, None, since=since)
        assert not report.findings[0].certain and report.feedback.rows == 20 * BLOCK


def test_intervals_that_miss_too_often_are_found(artefact: Artefact, random: np.random.Generator) -> None:
    """If the rows outside them were counted; otherwise the test is withheld and says why."""
    blocks = blocks_of(random, [0.0] * 40)
    counted = monitor(artefact, Lineage(cut=CUT), blocks, counts_of(blocks, 20), None)
    uncounted = monitor(artefact, Lineage(cut=CUT), blocks, {}, None)

    assert states(counted) == {("line", "sales"): "none", ("coverage", "sales"): "alarm"}
    assert counted.findings[1].size == pytest.approx(0.3)
    assert counted.feedback.errors[0].outside == pytest.approx(0.4)
    assert uncounted.findings[1].state == "withheld" and "not counted" in str(uncounted.findings[1].withheld)


def test_a_later_generation_needs_more_evidence(artefact: Artefact, random: np.random.Generator) -> None:
    """The m-th model has alpha/(m (m + 1)), and its intervals may miss more rows."""
    blocks = blocks_of(random, [0.0])
    first, third = (monitor(artefact, Lineage(cut=CUT, generation=m), blocks, counts_of(blocks, 5), None)
                    for m in (1, 3))

    assert [40, 50] == pytest.approx([finding.threshold for finding in first.findings])
    assert [480, 600] == pytest.approx([finding.threshold for finding in third.findings])


def test_a_caller_who_contradicts_the_others_is_found(artefact: Artefact, random: np.random.Generator) -> None:
    """Of three, with the largest change of a prediction by each one's rows."""
    honest = blocks_of(random, [0.0] * 20, ("ann", "bob"))
    wrong = blocks_of(random, [3.0] * 20, ("eve",))
    report = monitor(artefact, Lineage(cut=CUT), [*honest, *wrong], None, None)
    callers = {caller.name: caller for caller in report.feedback.callers}

    assert states(report)[("caller", "eve")] == "alarm"
    assert callers["eve"].rows == 20 * BLOCK and callers["eve"].share == pytest.approx(1 / 3)
    assert (callers["eve"].influence or 0) > 1.5 * (callers["ann"].influence or 0)
    assert {("caller", "ann"), ("caller", "bob")} <= {key for key, state in states(report).items() if state == "alarm"}
    assert any(remark.startswith("3 callers contradict the others, perhaps because of one of them: look at the rows of "
                                 "eve first") for remark in report.remarks), report.remarks


@pytest.mark.parametrize(("principals", "reason"), [((None,), "without authentication"), (("ann",), "single caller")])
def test_why_callers_cannot_be_judged(artefact: Artefact, random: np.random.Generator,
                                      principals: tuple[str | None, ...], reason: str) -> None:
    """Said in one sentence."""
    report = monitor(artefact, Lineage(cut=CUT), blocks_of(random, [0.0], principals), None, None)
    assert any(reason in remark for remark in report.remarks)


def test_changed_inputs_are_found_against_the_models_own_first_traffic(artefact: Artefact,
                                                                       random: np.random.Generator) -> None:
    """After 20 minutes one feature rises; without a store nothing else is tested, which is said in one sentence."""
    parts = [random.normal(size=(100, 2)) + (minute >= 20) * np.array([1.0, 0.0]) for minute in range(40)]
    report = monitor(artefact, Lineage(), None, None, traffic_of(artefact, *parts))

    assert ["there is no store of feedback, so only the inputs are tested"] == list(report.remarks)
    assert states(report)[("means", "price")] == states(report)[("shape", "price")] == "alarm"
    assert states(report)[("shape", "age")] == "none"
    assert report.findings[0].since == 2001 and report.findings[0].at == NOON + timedelta(minutes=20)
    assert report.traffic.answered == report.traffic.recorded == 4000
    sizes = {(size.subject, size.name): size for size in report.traffic.sizes}
    assert sizes["means", "price"].size == pytest.approx(0.5, abs=0.25) and sizes["means", "price"].state == "size"
    price = report.traffic.distributions[0]
    assert price.training is not None
    assert price.training.sum() == pytest.approx(1.0) and price.now[-1] > price.training[-1]


def test_unchanged_feedback_and_traffic_raise_no_alarm(artefact: Artefact, random: np.random.Generator) -> None:
    """Everything is tested."""
    blocks = blocks_of(random, [0.0] * 20, ("ann", "bob"))
    report = monitor(artefact, Lineage(cut=CUT), blocks, counts_of(blocks, 5),
                     traffic_of(artefact, *random.normal(size=(40, 100, 2))))

    assert set(states(report).values()) == {"none"} and not report.drift
    assert len(report.findings) == 2 + (1 + 2 + 2) + 2
    assert () == report.remarks


def test_what_is_missing_is_said(artefact: Artefact, random: np.random.Generator) -> None:
    """No feedback yet, no traffic, that of another model, or too little."""
    def remarks(traffic: TrafficFile | None) -> str:
        return " ".join(monitor(artefact, Lineage(), [], {}, traffic).remarks)

    assert "no closed block" in remarks(None) and "no record of traffic" in remarks(None)
    other = replace(traffic_of(artefact, random.normal(size=(9, 2))), model="b" * 64)
    assert "belongs to the model bbbbbbbbbbbb" in remarks(other)
    assert "first 500 recorded rows" in remarks(traffic_of(artefact, *random.normal(size=(2, 250, 2))))
    assert "no answered row was recorded" in remarks(traffic_of(artefact))


def test_the_report_is_json(artefact: Artefact, random: np.random.Generator) -> None:
    """Evidence beyond float64 has no e-value but a logarithm, and times are in ISO format."""
    blocks = blocks_of(random, [0.0] * 20 + [9.0] * 60)
    report = monitor(artefact, Lineage(cut=CUT), blocks, counts_of(blocks, 5),
                     traffic_of(artefact, *random.normal(size=(12, 100, 2))), AlarmRule(0.01),
                     times={block.rows.first: NOON for block in blocks})
    plain = json.loads(json.dumps(report.to_plain(), allow_nan=False))
    line = plain["findings"][0]

    assert plain["drift"] is True and plain["model"] == artefact.digest
    assert line["e_value"] is None and line["log_e"] > 709 and line["threshold"] == 200
    assert datetime.fromisoformat(line["since_time"]) == NOON
    assert plain["sizes"][0]["threshold"] is None and plain["sizes"][0]["state"] == "size"
    assert len(plain["feedback"]["errors"]) == 80 and plain["feedback"]["paths"]["line"]["rows"][-1] == CUT + 80_000
    assert plain["traffic"]["distributions"][1]["name"] == "age"
