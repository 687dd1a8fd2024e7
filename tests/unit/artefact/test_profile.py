"""Profiles: bins of the training rows in a model file of format 2."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save
from linear_regressor.artefact.profile import Profile
from linear_regressor.errors import ArtefactError
from linear_regressor.model.moments import Moments
from tests.running_server import ROOT

PROFILE = Profile((np.array([0.5, 2.5]),), (np.array([1, 2, 1]),), 0.25)
MOMENTS = Moments(4.0, np.array([1.5, 3.5]), np.array([[5.0, 10.0], [10.0, 20.5]]))
MODEL = Artefact(("a",), "y", np.array([2.0]), 0.5, MOMENTS,
                 np.array([0.0]), np.array([3.0]), {"levels": [0.9], "t": [2.5], "f": [8.5]}, {"note": "x"})


def test_a_model_without_a_profile_has_the_digest_it_had_before_there_were_profiles(tmp_path: Path) -> None:
    """It stays a file of format 1, which older programs read."""
    save(MODEL, tmp_path / "model", {})
    again = load(tmp_path / "model")
    assert again.profile is None and again.to_plain()["format"] == 1
    assert again.digest == (
        "575190f53a6f9ff1bb8b81ca5dff0381733887544788536f073dd4d75df67420")  # pragma: allowlist secret  # a digest


def test_a_profile_survives_the_file_to_the_last_bit(tmp_path: Path) -> None:
    """It is part of the digest."""
    model = replace(MODEL, profile=PROFILE)
    save(model, tmp_path / "model", {})
    again = load(tmp_path / "model")
    assert again.digest == model.digest != MODEL.digest and again.to_plain() == model.to_plain()
    assert again.profile is not None and again.profile.highest_outside_share == 0.25
    assert [each.counts.tolist() for each in again.profile.histograms] == [[1, 2, 1]]


@pytest.mark.parametrize(("change", "words"), [
    ({"edges": ()}, "edges and counts for each"), ({"edges": (np.array([1.0]),)}, "invalid feature"),
    ({"edges": (np.array([2.5, 0.5]),)}, "increasing"), ({"counts": (np.array([1, -2, 1]),)}, "at least 0"),
    ({"highest_outside_share": 1.0}, "between 0 and 1"), ({"highest_outside_share": float("nan")}, "between 0 and 1")])
def test_profiles_that_contradict_themselves_are_rejected(change: dict[str, object], words: str) -> None:
    """Edges, counts and the share."""
    with pytest.raises(ArtefactError, match=words):
        Profile(**{**vars(PROFILE), **change})
    with pytest.raises(ArtefactError, match="the profile has 2 features, not 1"):
        replace(MODEL, profile=Profile(PROFILE.edges * 2, PROFILE.counts * 2, None))


def test_further_rows_are_counted_in_the_same_bins() -> None:
    """On an edge means in the bin above it."""
    more = PROFILE.with_rows(np.array([[0.5], [9.0], [-9.0]]), 0.2)
    assert more.counts[0].tolist() == [2, 3, 2] and more.highest_outside_share == 0.2
    assert PROFILE.without_bins(3.0, None).to_plain() == {"edges": [[]], "counts": [[3]], "highest_outside_share": None}


def test_the_committed_model_has_a_profile() -> None:
    """So that the default server compares its traffic with training."""
    model = load(ROOT / "models" / "simple_linear_regressor.joblib")
    assert model.profile is not None and model.profile.counts[0].sum() == model.moments.n == 422
    assert len(model.profile.edges[0]) >= 12 and model.profile.highest_outside_share == pytest.approx(0.133, abs=0.001)
