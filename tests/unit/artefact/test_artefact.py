"""The model file: exact round trips, and rejection of everything else."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import resource
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from linear_regressor import Moments
from linear_regressor.artefact import plain_pickle
from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import LARGEST_FILE, load, save
from linear_regressor.artefact.plain_values import digest_of
from linear_regressor.errors import ArtefactError

finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(max_size=20)
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2 ** 70, 2 ** 70) | finite | names,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12)


def example(p: int = 1, seed: int = 0) -> Artefact:
    """Make an artefact of p features."""
    random = np.random.default_rng(seed)
    X, y = random.normal(size=(20, p)), random.normal(size=20)
    moments = Moments.from_arrays(X, y)
    W, b = moments.solve()
    return Artefact(tuple(f"x{j}" for j in range(p)), "target", W, b, moments, X.min(axis=0), X.max(axis=0),
                    {"levels": [0.9, 0.95], "t": [1.7, 2.1], "f": [3.0, 4.4]}, {"metrics": {"r2": 0.47}, "rows": 20})


@st.composite
def artefacts(draw: Any) -> Artefact:
    """Draw an artefact of any finite numbers, names and card."""
    p = draw(st.integers(1, 5))
    vectors = st.lists(finite, min_size=p, max_size=p).map(np.array)
    limits: Any = st.one_of(st.tuples(vectors, vectors), st.just((None, None)))
    C = np.array(draw(st.lists(finite, min_size=(p + 1) ** 2, max_size=(p + 1) ** 2))).reshape(p + 1, p + 1)
    C = np.triu(C, 1) + np.triu(C, 1).T + np.diag(np.abs(C.diagonal()))
    moments = Moments(draw(st.floats(1e-300, 1e300)), np.append(draw(vectors), draw(finite)), C)
    minimum, maximum = draw(limits)
    levels = draw(st.integers(0, 4))
    columns = st.lists(finite, min_size=levels, max_size=levels)
    return Artefact(tuple(draw(st.lists(names, min_size=p, max_size=p))), draw(names), draw(vectors), draw(finite),
                    moments, minimum, maximum,
                    {"levels": draw(columns), "t": draw(columns), "f": draw(columns)},
                    draw(st.dictionaries(names, plain_values, max_size=4)))


def assert_equal(left: Artefact, right: Artefact) -> None:
    """Compare every part of two artefacts, to the last bit."""
    assert left.digest == right.digest
    assert left.moments == right.moments and left.features == right.features and left.target == right.target
    assert np.array_equal(left.W, right.W) and left.b == right.b and left.quantiles == right.quantiles
    assert left.limits == right.limits
    assert left.card == right.card


@given(artefacts())
@settings(max_examples=60)
def test_a_round_trip_changes_nothing(tmp_path_factory: pytest.TempPathFactory, artefact: Artefact) -> None:
    """With any finite numbers, any names and any card of plain values."""
    path = tmp_path_factory.mktemp("models") / "model.joblib"
    save(artefact, path, {})
    assert_equal(load(path), artefact)


@given(artefacts())
def test_the_file_is_what_joblib_writes(tmp_path_factory: pytest.TempPathFactory, artefact: Artefact) -> None:
    """Byte for byte, and joblib reads it."""
    path = tmp_path_factory.mktemp("models") / "model.joblib"
    save(artefact, path, {})
    plain = joblib.load(path)
    joblib.dump(plain, path.with_name("other.joblib"), protocol=5)

    assert path.with_name("other.joblib").read_bytes() == path.read_bytes()
    assert plain == json.loads(json.dumps(artefact.to_plain()))


@given(artefacts())
def test_equal_values_give_equal_bytes(tmp_path_factory: pytest.TempPathFactory, artefact: Artefact) -> None:
    """Saved twice, or loaded and saved again; the facts are only in the card."""
    folder = tmp_path_factory.mktemp("models")
    save(artefact, folder / "one.joblib", {"trained": "2020-01-01"})
    save(load(folder / "one.joblib"), folder / "two.joblib", {"trained": "2021-01-01"})
    assert (folder / "one.joblib").read_bytes() == (folder / "two.joblib").read_bytes()


def test_equal_values_of_other_types_give_equal_bytes(tmp_path: Path) -> None:
    """Integers, NumPy numbers and another order of keys give the same file and digest."""
    one = replace(example(), W=np.array([2.0]), b=3.0, card={"a": 1, "b": 2})
    other = replace(one, W=np.array([2]), b=np.float64(3.0), card={"b": 2, "a": 1},
                    quantiles={"f": [np.float64(3.0), 4.4], "t": [1.7, 2.1], "levels": [0.9, 0.95]})
    save(one, tmp_path / "one.joblib", {})
    save(other, tmp_path / "other.joblib", {})
    assert one.digest == other.digest == load(tmp_path / "other.joblib").digest
    assert (tmp_path / "one.joblib").read_bytes() == (tmp_path / "other.joblib").read_bytes()


def test_the_digest_stays_the_same_from_version_to_version() -> None:
    """While the format is 1, this digest must not change."""
    moments = Moments(4.0, np.array([0.5, -1.25]), np.array([[2.0, 1.0], [1.0, 3.5]]))
    artefact = Artefact(("bmi",), "progress", np.array([0.1]), 1e-7, moments, np.array([-1.0]), np.array([1e22]),
                        {"levels": [], "t": [], "f": []}, {"note": "é", "none": None})
    canonical = (
        '{"W":[0.1],"b":1e-07,"card":{"none":null,"note":"\\u00e9"},"features":["bmi"],"format":1,"maximum":[1e+22],'
        '"minimum":[-1.0],"moments":{"C":[[2.0,1.0],[1.0,3.5]],"m":[0.5,-1.25],"n":4.0},'
        '"quantiles":{"f":[],"levels":[],"t":[]},"target":"progress"}')
    assert artefact.digest == hashlib.sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize("change", [
    {"b": 1.0}, {"target": "other"}, {"features": ("x1",)}, {"W": np.array([9.0])}, {"card": {}},
    {"minimum": np.array([-99.0])}, {"quantiles": {"levels": [], "t": [], "f": []}}])
def test_every_part_changes_the_digest(change: dict[str, Any]) -> None:
    """Another value anywhere gives another digest."""
    assert replace(example(), **change).digest != example().digest


def test_the_numbers_of_an_artefact_are_read_only() -> None:
    """So its digest stays true."""
    artefact = example()
    for values in (artefact.W, artefact.minimum, artefact.maximum):
        assert values is not None
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 7.0


def test_limits_are_both_known_or_neither() -> None:
    """After unlearning both are unknown; one alone is an error."""
    assert replace(example(2), minimum=None, maximum=None).limits == [(None, None), (None, None)]
    with pytest.raises(ArtefactError, match="both be given, or neither"):
        replace(example(), minimum=None)


def test_the_card_beside_the_file_is_for_people(tmp_path: Path) -> None:
    """It has the artefact's card, names, digest and the facts of this run; loading does not need it."""
    artefact = example()
    path = save(artefact, tmp_path / "deep" / "model.joblib", {"trained": "2020-01-01"})
    assert path == tmp_path / "deep" / "model.card.json"
    card = json.loads(path.read_text())
    assert card == {"metrics": {"r2": 0.47}, "rows": 20, "features": ["x0"], "target": "target",
                    "sha256": artefact.digest, "trained": "2020-01-01"}
    path.unlink()
    assert load(tmp_path / "deep" / "model.joblib").digest == artefact.digest


def load_error(path: Path) -> str:
    """Load an invalid file and return the one-line message, which names the file and the remedy."""
    with pytest.raises(ArtefactError) as caught:
        load(path)
    message = str(caught.value)
    assert str(path) in message and "linear-regressor train --model-save-path" in message
    assert "\n" not in message and len(message) < 1000
    return message


def error_for(tmp_path: Path, content: bytes) -> str:
    """Load a file of this invalid content and return the message."""
    path = tmp_path / "model.joblib"
    path.write_bytes(content)
    return load_error(path)


def bytes_of(artefact: Artefact, folder: Path) -> bytes:
    """Return the bytes that saving writes."""
    save(artefact, folder / "whole.joblib", {})
    return (folder / "whole.joblib").read_bytes()


def signed(values: dict[str, Any]) -> bytes:
    """Pickle plain values with a matching digest, as an attacker who knows the format can."""
    return pickle.dumps({**values, "sha256": digest_of(values)}, protocol=5)


def test_a_truncated_file_is_rejected(tmp_path: Path) -> None:
    """At any length, from nothing to all but the last byte."""
    content = bytes_of(example(2), tmp_path)
    for length in range(len(content)):
        error_for(tmp_path, content[:length])


def test_no_flipped_byte_gives_another_model(tmp_path: Path, random: np.random.Generator) -> None:
    """Each byte, with three changes: an error, or, for bytes without meaning, the same model to the last bit."""
    artefact = example()
    content, path, read = bytes_of(artefact, tmp_path), tmp_path / "model.joblib", 0
    for place in range(len(content)):
        for flip in (0x01, 0x80, int(random.integers(1, 256))):
            path.write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1:])
            try:
                assert_equal(load(path), artefact)
                read += 1
            except ArtefactError as error:
                assert str(path) in str(error) and "\n" not in str(error)
    assert read <= 0.05 * 3 * len(content)


@pytest.mark.parametrize("place", [0.25, 0.5, 0.75])
def test_a_flipped_byte_among_the_values_is_rejected(tmp_path: Path, place: float) -> None:
    """The digest does not match, or the pickle is invalid."""
    content = bytearray(bytes_of(example(3), tmp_path))
    content[int(place * len(content))] ^= 0x55
    error_for(tmp_path, bytes(content))


def test_noise_is_rejected(tmp_path: Path, random: np.random.Generator) -> None:
    """Random bytes, and random bytes that start like a pickle."""
    for _ in range(300):
        noise = random.bytes(int(random.integers(0, 200)))
        error_for(tmp_path, noise)
        error_for(tmp_path, b"\x80\x05" + noise)


@pytest.mark.parametrize("number", [4, 0, -1, "1", None, pytest.param(10 ** 5000, id="of 5,000 digits"), [1], 1.5])
def test_a_file_of_another_format_is_rejected(tmp_path: Path, number: Any) -> None:
    """The message names a later format; the rest of the file is ignored."""
    message = error_for(tmp_path, pickle.dumps({**example().to_plain(), "format": number}, protocol=5))
    assert "format" in message or "wrong form" in message
    if number == 4:
        assert "it has format 4, and this program reads formats 1, 2 and 3" in message


class Runs:
    """Pickles as a call that creates a folder."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("form", ["alone", "inside a model"])
def test_the_code_in_a_pickle_is_not_run(tmp_path: Path, form: str, protocol: int) -> None:
    """The folder that it would create is missing; pickle itself creates it, which proves the trap."""
    trace = tmp_path / "it ran"
    trap: Any = Runs(trace) if form == "alone" else {**example().to_plain(), "card": Runs(trace)}
    error_for(tmp_path, pickle.dumps(trap, protocol=protocol))
    assert not trace.exists()
    pickle.loads(pickle.dumps(trap, protocol=protocol))
    assert trace.exists()


CALLS: dict[str, bytes] = {
    "GLOBAL and REDUCE": b"cos\nsystem\n(S'touch TRACE'\ntR.",
    "STACK_GLOBAL": b"\x80\x05\x8c\x02os\x8c\x06system\x93\x8c\x0btouch TRACE\x85R.",
    "INST": b"(S'touch TRACE'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'touch TRACE'\no.",
    "NEWOBJ": b"\x80\x05cos\nsystem\n\x8c\x0btouch TRACE\x85\x81.",
    "EXT1": b"\x80\x05\x82\x01.",
    "BUILD": b"\x80\x05}}b.",
    "PERSID": b"Pevil\n.",
    "BINPERSID": b"\x80\x05\x8c\x04evilQ.",
    "NEXT_BUFFER": b"\x80\x05\x97.",
    "a name with line ends": b"\x80\x05\x8c\x06a\nb\r\nc\x8c\x04evil\x93.",
    "an endless name": b"\x80\x05X" + struct.pack("<I", 100_000) + b"m" * 100_000 + b"\x8c\x04evil\x93.",
}


@pytest.mark.parametrize("call", CALLS)
def test_no_opcode_calls_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Every opcode that can reach a function or an object is rejected before it is executed."""
    monkeypatch.chdir(tmp_path)
    error_for(tmp_path, CALLS[call])
    assert not (tmp_path / "TRACE").exists()


@pytest.mark.parametrize(("what", "value"), [
    ("an array", np.arange(5.0)), ("an estimator", LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])),
    ("an array of objects", np.array([print, {}], dtype=object)), ("a NumPy number", np.float64(1.0)),
    ("our own class", Moments.from_arrays([[0.0], [1.0]], [0.0, 1.0])), ("a tuple", (1, 2)), ("bytes", b"x"),
    ("a set", {1}), ("a complex number", 1j), ("a list", [1.0]), ("a number", 1.0), ("text", "model"), ("None", None),
    ("an empty dict", {})])
@pytest.mark.parametrize("compress", [0, 3])
def test_joblib_dumps_of_other_values_are_rejected(tmp_path: Path, what: str, value: Any, compress: int) -> None:
    """Arrays, estimators and other values, plain or compressed."""
    joblib.dump(value, tmp_path / "other.joblib", compress=compress)
    load_error(tmp_path / "other.joblib")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), pytest.param(10 ** 400, id="1e400"), "x",
                                   None, [], {"a": 1}])
@pytest.mark.parametrize("where", ["b", "W", "n", "m", "C", "minimum", "quantiles"])
def test_invalid_numbers_are_rejected_everywhere(tmp_path: Path, where: str, value: Any) -> None:
    """NaN, infinity, numbers beyond float64 and non-numbers, with a matching digest."""
    plain = {key: part for key, part in example().to_plain().items() if key != "sha256"}
    if where == "n":
        plain["moments"]["n"] = value
    elif where in ("m", "C"):
        plain["moments"][where][0] = value
    elif where == "quantiles":
        plain["quantiles"]["t"][0] = value
    elif where == "b":
        plain["b"] = value
    else:
        plain[where][0] = value
    try:
        content = signed(plain)
    except ValueError:  # JSON cannot represent it, so no digest matches
        content = pickle.dumps({**plain, "sha256": "0" * 64}, protocol=5)
    error_for(tmp_path, content)


WRONG_FORMS: list[tuple[str, Any]] = [
    ("W", [1.0, 2.0]), ("W", []), ("W", [[1.0]]), ("W", 1.0), ("W", "x"), ("W", None), ("features", []),
    ("features", ["a", "b"]), ("features", [1]), ("features", None), ("target", 5), ("b", [1.0]), ("minimum", []),
    ("maximum", [1.0, 2.0]), ("moments", {}), ("moments", []), ("moments", {"n": 3.0, "m": [0.0], "C": [[1.0]]}),
    ("moments", {"n": 3.0, "m": [0.0, 0.0, 0.0], "C": [[1.0] * 3] * 3}), ("moments", {"n": 3.0, "m": [0.0, 0.0]}),
    ("moments", {"n": -3.0, "m": [0.0, 0.0], "C": [[1.0, 0.0], [0.0, 1.0]]}),
    ("moments", {"n": 3.0, "m": [0.0, 0.0], "C": [[1.0], [0.0, 1.0]]}), ("quantiles", {}), ("quantiles", []),
    ("quantiles", {"levels": [0.9], "t": [], "f": []}), ("quantiles", {"levels": 1, "t": 2, "f": 3}),
    ("quantiles", {"levels": ["a"], "t": ["b"], "f": ["c"]}),
]


@pytest.mark.parametrize(("part", "value"), WRONG_FORMS)
def test_a_part_of_the_wrong_shape_or_type_is_rejected(tmp_path: Path, part: str, value: Any) -> None:
    """With a matching digest."""
    plain = {key: value for key, value in example().to_plain().items() if key != "sha256"}
    error_for(tmp_path, signed({**plain, part: json.loads(json.dumps(value))}))


@pytest.mark.parametrize("part", ["features", "target", "W", "b", "moments", "minimum", "maximum", "quantiles", "card"])
def test_a_missing_part_is_named(tmp_path: Path, part: str) -> None:
    """The message has the name of the part."""
    plain = {key: value for key, value in example().to_plain().items() if key not in ("sha256", part)}
    assert f"'{part}'" in error_for(tmp_path, signed(plain))


def test_a_file_without_its_digest_is_rejected(tmp_path: Path) -> None:
    """So is one with an invalid digest."""
    plain = {key: value for key, value in example().to_plain().items() if key != "sha256"}
    for digest in ({}, {"sha256": None}, {"sha256": 5}, {"sha256": digest_of(plain).upper()}):
        assert "digest" in error_for(tmp_path, pickle.dumps({**plain, **digest}, protocol=5))


def test_the_unpickler_alone_rejects_classes() -> None:
    """Without the check of the opcodes, the unpickler still rejects every class and function."""
    with pytest.raises(ArtefactError, match="builtins.print"):
        plain_pickle._PlainValues(io.BytesIO(pickle.dumps(print))).load()


def test_a_file_over_the_size_limit_is_rejected(tmp_path: Path) -> None:
    """It is not read to its end."""
    path = tmp_path / "model.joblib"
    with open(path, "wb") as file:
        file.truncate(LARGEST_FILE * 100)
    assert f"larger than {LARGEST_FILE} bytes" in load_error(path)
    with open(path, "wb") as file:
        file.truncate(LARGEST_FILE)
    load_error(path)


def test_a_model_too_large_to_load_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saving parses its own bytes before it writes them."""
    monkeypatch.setattr("linear_regressor.artefact.file.LARGEST_FILE", 100)
    with pytest.raises(ArtefactError, match="cannot write the model file .* larger than 100 bytes"):
        save(example(), tmp_path / "model.joblib", {})
    assert list(tmp_path.iterdir()) == []


def test_a_hundred_features_are_far_below_the_size_limit(tmp_path: Path) -> None:
    """With about nine bytes per number, 100 features take less than a hundredth of the limit."""
    assert len(bytes_of(example(100), tmp_path)) < LARGEST_FILE / 100


def test_an_unreadable_path_is_reported_with_the_reason(tmp_path: Path) -> None:
    """A missing file, a path through a file, a name too long, a loop of links."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, reason in (("missing", "No such file"), ("file/model", "Not a directory"),
                         ("n" * 300, "File name too long"), ("loop", "Too many levels")):
        assert reason in load_error(tmp_path / name)


def test_an_unwritable_path_is_reported_with_the_reason(tmp_path: Path) -> None:
    """A folder in the file's place, a file in the folder's place, a path without a name: no file is left behind."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    for path in (tmp_path / "folder", tmp_path / "file" / "model.joblib", Path("/proc/model.joblib"), Path(".")):
        with pytest.raises(ArtefactError, match="cannot write the model file"):
            save(example(), path, {})
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]
    assert not any((tmp_path / "folder").iterdir()) and (tmp_path / "file").read_bytes() == b"old"


def test_model_and_card_change_together_or_not_at_all(tmp_path: Path) -> None:
    """Whichever of them has a folder in its place."""
    path, card = tmp_path / "model.joblib", tmp_path / "model.card.json"
    save(example(), path, {})
    before = path.read_bytes(), card.read_bytes()
    for blocked, kept, other in ((card, path, before[0]), (path, card, before[1])):
        content = blocked.read_bytes()
        blocked.unlink()
        blocked.mkdir()
        with pytest.raises(ArtefactError, match="Is a directory"):
            save(example(seed=1), path, {})
        assert other == kept.read_bytes() and 2 == len(list(tmp_path.iterdir()))
        blocked.rmdir()
        blocked.write_bytes(content)


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Limit the size of files of this process, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1, 100, 500])
def test_a_full_disk_leaves_the_old_model_whole(tmp_path: Path, size: int) -> None:
    """If only some bytes can be written, the old files stay, without a temporary file beside them."""
    path = tmp_path / "model.joblib"
    save(example(), path, {})
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
    with pytest.raises(ArtefactError, match=f"cannot write the model file {path}: File too large"), full_disk(size):
        save(example(3, seed=1), path, {})
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before
    assert load(path).digest == example().digest


@pytest.mark.parametrize(("change", "words"), [
    ({"W": np.array([1.0, 2.0])}, "W must be 1 finite numbers"), ({"W": np.array([np.nan])}, "W must be 1 finite"),
    ({"minimum": np.array([np.inf])}, "minimum must be"), ({"b": float("nan")}, "b must be a finite number"),
    ({"features": ()}, "W must be 0"), ({"features": (5,)}, "must be strings"), ({"target": None}, "must be strings"),
    ({"moments": Moments.from_arrays(np.ones((2, 2)), [1.0, 2.0])}, "2 features, not 1"),
    ({"quantiles": {}}, "quantile table"), ({"quantiles": {"levels": [0.9], "t": [], "f": []}}, "quantile table")])
def test_mismatched_parts_are_rejected(change: dict[str, Any], words: str) -> None:
    """The same checks apply before a file is written."""
    with pytest.raises(ArtefactError, match=words):
        replace(example(), **change)
