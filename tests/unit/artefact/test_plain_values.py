"""Plain values: fixed digests, and damaged content that raises ArtefactError only."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.moments_file import MomentsFile
from linear_regressor.artefact.plain_values import digest_of, summary_from_plain, summary_to_plain
from linear_regressor.artefact.profile import Profile
from linear_regressor.data.content_sum import ContentSum
from linear_regressor.errors import ArtefactError
from linear_regressor.model.accumulator import Accumulator
from linear_regressor.model.histogram import FineHistogram
from linear_regressor.model.moments import RowSummary
from linear_regressor.monitoring.traffic import TrafficSummary
from linear_regressor.monitoring.traffic_file import TrafficFile
from linear_regressor.monitoring.traffic_series import TrafficSeries
from linear_regressor.training.checkpoint import as_plain, digest, from_plain
from linear_regressor.training.partition_moments import PartitionMoments
from linear_regressor.training.row_sample import Bins
from tests.unit.artefact.test_artefact import example, names, plain_values

WITHOUT_DIGEST = {key: value for key, value in example(2).to_plain().items() if key != "sha256"}
replacements = (plain_values | st.just(10 ** 400) | st.just(10 ** 5000) | st.sampled_from([np.nan, np.inf, -np.inf])
                | st.dictionaries(st.integers() | st.none() | names, st.integers(), max_size=3)
                | st.lists(st.integers(-2, 2) | st.floats(-2, 2), max_size=4))


def summary() -> RowSummary:
    """Summarise a few rows of two features."""
    accumulator = Accumulator(3)
    accumulator.add(np.random.default_rng(0).normal(size=(9, 3)).T)
    return accumulator.summary()


def bins() -> Bins:
    """Count the values of two features."""
    return FineHistogram.of(np.arange(9.0)), FineHistogram.of(np.zeros(9))


def with_profile() -> dict[str, Any]:
    """Return the values of a model with a profile, without their digest."""
    profile = Profile((np.array([0.5]), np.array([-1.0, 1.0])), (np.array([3, 4]), np.array([2, 3, 2])), 0.15)
    return {**WITHOUT_DIGEST, "format": 2, "profile": profile.to_plain()}


def traffic_file() -> dict[str, Any]:
    """Return the values of a traffic file without their digest."""
    edges = (np.array([0.0]), np.empty(0))
    part = TrafficSummary.of(np.ones((3, 2)), np.zeros(2), edges, 5)
    plain = TrafficFile("0" * 64, ("a", "b"), np.zeros(2), edges, TrafficSeries.at(1e9, part), 1, {"x": 2}).to_plain()
    return {key: value for key, value in plain.items() if key != "sha256"}


def moments_file() -> dict[str, Any]:
    """Return the values of a moments file without their digest."""
    rows = summary()
    return {"format": 1, "features": ["age", "bmi"], "target": "score", **summary_to_plain(rows),
            "added": [rows.digest], "removed": []}


@st.composite
def mutations(draw: Any, plain: Any) -> Any:
    """Copy plain values and replace, remove, add or repeat one of them at a random depth."""
    if not isinstance(plain, (dict, list)) or not plain or draw(st.integers(0, 4)) == 0:
        return draw(replacements)
    changed = copy.copy(plain)
    place = draw(st.sampled_from(sorted(plain) if isinstance(plain, dict) else range(len(plain))))
    action = draw(st.sampled_from(["descend", "descend", "descend", "remove", "add"]))
    if action == "remove":
        del changed[place]
    elif action == "descend":
        changed[place] = draw(mutations(plain[place]))
    elif isinstance(changed, dict):
        changed[draw(names | st.integers() | st.none())] = draw(replacements)
    else:
        changed.append(copy.deepcopy(plain[place]))
    return changed


def signed(values: Any) -> Any:
    """Add the digest that fits, where there can be one."""
    if not isinstance(values, dict):
        return values
    try:
        return {**values, "sha256": digest_of(values)}
    except (TypeError, ValueError):
        return {**values, "sha256": "0" * 64}


@given(mutations(WITHOUT_DIGEST) | mutations(with_profile()))
@settings(max_examples=600)
def test_a_mutated_artefact_is_valid_or_an_artefact_error(plain: Any) -> None:
    """With a digest that fits, no content raises anything but ArtefactError; what loads has checked types."""
    try:
        artefact = Artefact.from_plain(signed(plain))
    except ArtefactError:
        return
    assert all(isinstance(name, str) for name in (*artefact.features, artefact.target))
    assert artefact.W.shape == (artefact.moments.p,) and np.isfinite(artefact.W).all()
    assert isinstance(artefact.card, dict) and 64 == len(artefact.digest)


@given(mutations(traffic_file()))
@settings(max_examples=400)
def test_a_mutated_traffic_file_is_valid_or_an_artefact_error(plain: Any) -> None:
    """The same for files of traffic."""
    try:
        file = TrafficFile.from_plain(signed(plain))
    except ArtefactError:
        return
    assert len(file.features) == len(file.edges) and file.summary.n >= 0


@given(mutations(moments_file()))
@settings(max_examples=400)
def test_a_mutated_moments_file_is_valid_or_an_artefact_error(plain: Any) -> None:
    """The same for moments files."""
    try:
        file = MomentsFile._from_plain(signed(plain))
    except ArtefactError:
        return
    assert len(file.features) == file.summary.moments.p


def partition_moments() -> PartitionMoments:
    """Moments of a partition whose rows are all for training."""
    return PartitionMoments(summary(), None, bins(), ContentSum(int(summary().moments.n), 1, 2))


@given(mutations(as_plain(partition_moments())))
@settings(max_examples=400)
def test_a_mutated_checkpoint_entry_is_valid_or_ignored(plain: Any) -> None:
    """The same for results in `.progress` files, which are computed again instead of reported."""
    read = from_plain(plain, 2)
    assert read is None or all(part is None or part.moments.p == 2 for part in (read.training, read.test))


def test_an_entry_that_nothing_has_damaged_is_read() -> None:
    """Else the law above would prove nothing."""
    read = from_plain(as_plain(partition_moments()), 2)
    assert read is not None and read.bins == bins() and read.training is not None


@given(mutations(WITHOUT_DIGEST))
def test_a_mutated_artefact_without_a_new_digest_is_rejected(plain: Any) -> None:
    """The old digest proves the old content only."""
    proof = digest_of(WITHOUT_DIGEST)
    try:
        unchanged = digest_of(plain) == proof
    except (TypeError, ValueError):
        unchanged = False
    if not unchanged:
        with pytest.raises(ArtefactError):
            Artefact.from_plain({**plain, "sha256": proof} if isinstance(plain, dict) else plain)


def test_a_summary_keeps_every_bit() -> None:
    """Plain values and back, with and without limits."""
    for rows in (summary(), RowSummary(summary().moments, None, None)):
        assert summary_from_plain(summary_to_plain(rows)).digest == rows.digest


def test_errors_in_our_own_code_are_not_taken_for_bad_content(monkeypatch: pytest.MonkeyPatch) -> None:
    """An AttributeError while an artefact is built is a bug and must be visible as one."""
    def broken(self: Artefact) -> None:
        raise AttributeError("a bug")

    monkeypatch.setattr(Artefact, "__post_init__", broken)
    with pytest.raises(AttributeError, match="a bug"):
        Artefact.from_plain(signed(WITHOUT_DIGEST))


def test_digests_stay_the_same_from_version_to_version() -> None:
    """Artefacts and moments files use compact JSON; `.progress` files and parts use JSON with spaces, and allow NaN."""
    plain = {"b": 1.5, "a": [1, 2, None, "é"]}
    assert digest_of(plain) == digest_of({"a": [1, 2, None, "é"], "b": 1.5}) == (
        "1659777c482bbf2d4d9d4fc15a4f1746ae1fe44d6012e32ab82530baee1ff01f")  # pragma: allowlist secret  # a digest
    assert digest(plain) == (
        "ce7fe934fa78cbcdb2870c9779b970dab69264ac50a12d4c0aa52f1d97055992")  # pragma: allowlist secret  # a digest
    assert digest([float("nan")]) == (
        "638577393ecb248f472c18a1a95104181a3188551615d763873393eaf4eff186")  # pragma: allowlist secret  # a digest
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_of([float("nan")])
