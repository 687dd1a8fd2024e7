"""Moments files: exact round trips, detected damage, and no set of rows that counts twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor.artefact.moments_file import MomentsFile
from linear_regressor.artefact.plain_values import digest_of
from linear_regressor.errors import ArtefactError, MomentsError
from linear_regressor.model.accumulator import Accumulator
from tests.unit.model.test_moments import assert_same

Array = NDArray[np.float64]

FEATURES = ("age", "bmi")


def file_of(rows: Array, *parts: Array) -> MomentsFile:
    """Read rows of two features and a target; further rows are merged."""
    accumulator = Accumulator(3)
    accumulator.add(rows.T)
    file = MomentsFile.of(FEATURES, "score", accumulator.summary())
    return file.merge(file_of(*parts)) if parts else file


def rows_of(seed: int, n: int = 12) -> Array:
    """Draw rows."""
    return np.random.default_rng(seed).normal(size=(n, 3))


def content(file: MomentsFile) -> tuple[Any, ...]:
    """Return everything but the digits of the moments."""
    return file.features, file.target, file.summary.moments.n, set(file.added), set(file.removed)


@given(st.integers(0, 2 ** 32 - 1), st.integers(1, 30), st.booleans())
@settings(max_examples=30)
def test_a_round_trip_changes_nothing(tmp_path_factory: pytest.TempPathFactory, seed: int, n: int,
                                      subtracted: bool) -> None:
    """Every number, name and digest, to the last bit."""
    file = file_of(rows_of(seed, n + 10))
    if subtracted:
        file = file.subtract(file_of(rows_of(seed, n + 10)[:n]))
    path = tmp_path_factory.mktemp("moments") / "deep" / "rows.json"
    file.save(path)
    again = MomentsFile.load(path)
    assert content(again) == content(file) and again.summary.digest == file.summary.digest
    assert again.summary.moments == file.summary.moments


def test_the_file_is_the_documented_json(tmp_path: Path) -> None:
    """Its members are those of the documentation."""
    file_of(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 5.0]])).save(tmp_path / "rows.json")
    plain = json.loads((tmp_path / "rows.json").read_text())
    sha256, added = plain.pop("sha256"), plain.pop("added")
    assert sha256 == digest_of({**plain, "added": added}) and len(added[0]) == 64
    assert plain == {"format": 1, "features": ["age", "bmi"], "target": "score", "n": 2.0, "m": [2.0, 2.0, 4.0],
                     "C": [[2.0, 0.0, 2.0], [0.0, 0.0, 0.0], [2.0, 0.0, 2.0]], "minimum": [1.0, 2.0, 3.0],
                     "maximum": [3.0, 2.0, 5.0], "removed": []}


@given(st.lists(st.sampled_from("+-"), max_size=6), st.integers(0, 2 ** 32 - 1))
def test_rows_are_added_once_or_removed_once(signs: list[str], seed: int) -> None:
    """Whatever is added and subtracted in turn, the same rows are never added or removed twice in a row."""
    file, part, done = file_of(rows_of(seed, 40)), file_of(rows_of(seed + 1, 5)), ""
    file = file.merge(file_of(rows_of(seed + 2, 40)))
    for sign in signs:
        change = file.merge if sign == "+" else file.subtract
        if sign == done:
            with pytest.raises(MomentsError, match="added twice" if sign == "+" else "removed twice"):
                change(part)
            continue
        if (done, sign) == ("", "-"):
            return  # digests cannot tell that these rows were never added
        file, done = change(part), sign
        assert (part.added[0] in file.added, part.added[0] in file.removed) == (done == "+", done == "-")
        assert file.summary.moments.n == 80 + 5 * (done == "+")


def test_removed_rows_can_be_added_again() -> None:
    """They are recorded as removed, and then as added."""
    rows = rows_of(3, 30)
    whole, part = file_of(rows), file_of(rows[:7])
    left = whole.subtract(part)
    assert (left.added, left.removed) == (whole.added, part.added)
    with pytest.raises(MomentsError, match="removed twice"):
        left.subtract(part)
    back = left.merge(part)
    assert (back.added, back.removed) == ((*whole.added, *part.added), ())
    assert_same(back.summary.moments, whole.summary.moments)
    with pytest.raises(MomentsError, match="added twice"):
        back.merge(part)


def test_rows_that_a_subtracted_file_lacks_remain() -> None:
    """Subtracting a day without one of its hours leaves that hour."""
    rows = rows_of(4, 60)
    whole, hour = file_of(rows), file_of(rows[:10])
    left = whole.subtract(file_of(rows[:30]).subtract(hour))

    assert 40 == left.summary.moments.n
    assert hour.added[0] in left.added
    with pytest.raises(MomentsError, match="added twice"):
        left.merge(hour)
    assert 30 == left.subtract(hour).summary.moments.n


def test_the_same_rows_in_two_files_are_not_added_twice() -> None:
    """In a merge of merges too."""
    one, two, three = (file_of(rows_of(seed)) for seed in (1, 2, 3))
    with pytest.raises(MomentsError, match=f"digest {two.added[0][:12]}"):
        one.merge(two).merge(three.merge(two))


def test_moments_of_other_columns_are_rejected() -> None:
    """Names and order both count."""
    file = file_of(rows_of(1))
    other = MomentsFile(("bmi", "age"), "score", file_of(rows_of(2)).summary, ())
    for change in (file.merge, file.subtract):
        with pytest.raises(MomentsError, match="of age, bmi, score cannot be combined with moments of bmi, age, score"):
            change(other)


def changed(plain: dict[str, Any], **change: Any) -> bytes:
    """Change members, with a digest that matches again."""
    values = {**{key: value for key, value in plain.items() if key != "sha256"}, **change}
    return json.dumps({**values, "sha256": digest_of(values)}).encode()


@pytest.mark.parametrize(("change", "words"), [
    ({"format": 2}, "format 2"), ({"n": -1.0}, "positive and finite number of rows"),
    ({"n": "many"}, "n must consist of numbers"),
    ({"m": [1.0]}, "each row of C must have 1 numbers"), ({"features": ["age"]}, "name each of the 2 features"),
    ({"features": ["age", 7]}, "features must be a list of strings"),
    ({"added": [1]}, "added must be a list of strings"),
    ({"added": 5}, "added must be a list of strings"), ({"target": None}, "target must be a string"),
    ({"minimum": None}, "both minimum and maximum"), ({"minimum": [0.0]}, "3 finite numbers"),
    ({"extra": 1}, "the unknown key 'extra'")])
def test_invalid_content_is_rejected(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """Even with a matching digest; the message names the file."""
    path = tmp_path / "rows.json"
    file_of(rows_of(0)).save(path)
    path.write_bytes(changed(json.loads(path.read_bytes()), **change))
    with pytest.raises(ArtefactError, match=words) as caught:
        MomentsFile.load(path)
    assert str(path) in str(caught.value) and "moments build" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"{}", b"\xff\xfe", b'{"format": NaN}', b"[" * 100_000,
                                     b'{"format": 1, "n": 3}'])
def test_anything_but_a_moments_file_is_rejected(tmp_path: Path, content: bytes) -> None:
    """With one class of error."""
    (tmp_path / "rows.json").write_bytes(content)
    with pytest.raises(ArtefactError, match="cannot use the moments file"):
        MomentsFile.load(tmp_path / "rows.json")


@pytest.mark.parametrize("place", ["n", "m", "C", "target", "added", "sha256"])
def test_a_changed_member_is_detected(tmp_path: Path, place: str) -> None:
    """By the digest."""
    path = tmp_path / "rows.json"
    file_of(rows_of(0)).save(path)
    plain = json.loads(path.read_bytes())
    plain[place] = {"n": 13.0, "target": "other", "sha256": "0" * 64}.get(place, [])
    path.write_text(json.dumps(plain))
    with pytest.raises(ArtefactError, match="digest does not match"):
        MomentsFile.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(ArtefactError, match=r"missing\.json: No such file"):
        MomentsFile.load(tmp_path / "missing.json")
