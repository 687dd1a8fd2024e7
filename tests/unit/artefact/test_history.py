"""``ModelHistory`` in a local folder: versions, promotions, what follows from them, and content that is not valid."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.lineage import KEY, Lineage
from linear_regressor.artefact.plain_values import digest_of
from linear_regressor.artefact.promotion import Action, Promotion, Promotions
from linear_regressor.artefact.storage import LocalFolder
from linear_regressor.errors import ArtefactError, ConflictError, LinearRegressorError, SettingError
from linear_regressor.temporary_files import LEAST_SECONDS
from tests.applications import artefact_of

MODELS = [artefact_of(1, seed) for seed in range(4)]
VERSIONS = [model.digest[:12] for model in MODELS]


def decided(history: ModelHistory, action: Action, model: Artefact, cut: int = 0) -> Promotion:
    """Record a decision on the present state."""
    return history.promote(history.promotions().next(action, model, by="test", reasons=["because"], cut=cut))


@pytest.fixture
def history(tmp_path: Path) -> ModelHistory:
    """Return the history of a folder with four versions and no promotion."""
    found = ModelHistory.of(str(tmp_path / "models" / "line"))
    for model in MODELS:
        found.add(model, {"added_at": "now"})
    return found


def test_a_version_is_a_model_file_with_its_card(history: ModelHistory) -> None:
    """The same bytes as a file of ``save``; adding it again changes nothing."""
    folder = Path(history.name)
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in folder.rglob("*.*")}
    save(MODELS[0], folder.parent / "model.joblib", {"added_at": "now"})

    assert VERSIONS[0] == history.add(MODELS[0], {"added_at": "later"})
    assert before == {path: (path.read_bytes(), path.stat().st_ino) for path in folder.rglob("*.*")}
    assert sorted(VERSIONS) == history.versions()
    for name in ("model.joblib", "model.card.json"):
        assert (folder.parent / name).read_bytes() == (folder / VERSIONS[0] / name).read_bytes()
    assert MODELS[1].digest == history.load(VERSIONS[1]).digest
    assert {"added_at": "now"} == history.facts(VERSIONS[0])


def test_a_history_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    """Nothing is created by looking."""
    history = ModelHistory.of(str(tmp_path / "none"))

    assert ([], (), None, None) == (history.versions(), history.promotions(), history.champion(), history.challenger())
    assert [] == list(tmp_path.iterdir())


def test_champion_and_challenger_follow_from_the_promotions(history: ModelHistory) -> None:
    """A rollback returns to the champion before; a second one to the one before that."""
    expected: list[tuple[Action, int, int | None, int | None, int | None]] = [
        ("keep", 1, None, 1, None), ("promote", 0, 0, None, None), ("promote", 1, 1, None, 0), ("keep", 2, 1, 2, 0),
        ("promote", 2, 2, None, 1), ("rollback", 1, 1, None, 0), ("rollback", 0, 0, None, None),
        ("rollback", 2, 2, None, 0), ("promote", 0, 0, None, 2), ("promote", 3, 3, None, 0),
        ("rollback", 0, 0, None, 2)]
    for number, (action, model, champion, challenger, previous) in enumerate(expected, 1):
        before = history.champion()
        promotion = decided(history, action, MODELS[model])
        now = history.promotions()

        assert (number, before, VERSIONS[model]) == (promotion.number, promotion.from_version, promotion.to_version)
        assert [None if place is None else VERSIONS[place] for place in (champion, challenger, previous)] == [
            now.champion, now.challenger, now.previous], number
        assert promotion == now[-1]
    assert 9 == now.generation  # neither of the two that kept


def test_a_promotion_starts_a_new_generation_with_the_cut_of_its_decision(history: ModelHistory) -> None:
    """Keeping changes neither; the serial numbers of another store are not compared."""
    learned = [replace(MODELS[0], card={KEY: Lineage(store, cut, 1, ("b",)).to_card()})
               for store, cut in (("one", 50), ("one", 20), ("two", 5))]
    found = []
    for action, model, cut in (("promote", MODELS[0], 0), ("promote", learned[0], 70), ("keep", learned[1], 90),
                               ("rollback", MODELS[0], 80), ("promote", learned[1], 0), ("promote", learned[2], 0)):
        last = decided(history, action, model, cut)  # type: ignore[arg-type]  # mypy takes the action for any text
        found.append((last.generation, last.store, last.cut))

    assert [(1, None, 0), (2, "one", 70), (2, "one", 70), (3, "one", 80), (4, "one", 80), (5, "two", 5)] == found
    assert Lineage("two", 5, 5, ("b",)) == history.lineage(history.promotions(), learned[2])
    assert Lineage.of(learned[0]) == history.lineage(Promotions(), learned[0])


def test_serial_numbers_of_different_stores_are_not_compared() -> None:
    """The cut is that of the store that the decision looked at; without one, that of the model's or the one before."""
    def after(promotions: Promotions, model: Artefact, cut: int = 0, store: str | None = None) -> Promotions:
        return Promotions([*promotions, promotions.next("promote", model, by="test", reasons=[], cut=cut, store=store)])

    def seen(promotions: Promotions) -> tuple[str | None, int]:
        return promotions[-1].store, promotions[-1].cut

    learned = replace(MODELS[1], card={KEY: Lineage("first", 500, 2, ()).to_card()})
    of_first = after(after(Promotions(), MODELS[0]), MODELS[2], 900, "first")
    assert ("first", 900) == seen(of_first), "the model itself knows no store"
    assert ("first", 900) == seen(after(of_first, learned))
    of_second = after(of_first, learned, 70, "second")
    assert ("second", 70) == seen(of_second), "900 and 500 are rows of the first store"
    assert ("second", 80) == seen(after(of_second, MODELS[0], 80, "second"))
    assert ("second", 70) == seen(after(of_second, MODELS[0]))
    assert ("first", 500) == seen(after(of_second, learned))


def test_a_decision_on_an_outdated_state_is_a_conflict(history: ModelHistory) -> None:
    """The one who comes second changes nothing, and may decide anew."""
    before = history.promotions()
    one, other = (before.next("promote", model, by=name, reasons=[]) for model, name in zip(MODELS, "ab", strict=False))
    history.promote(one)
    with pytest.raises(ConflictError, match=r"promotions/000001\.json exists: .* run the command again"):
        history.promote(other)

    assert [one] == list(history.promotions())
    assert VERSIONS[1] == decided(history, "promote", MODELS[1]).champion


def test_of_many_at_once_exactly_one_wins(history: ModelHistory) -> None:
    """Round after round; all others get a conflict, and no temporary file stays."""
    for _ in range(20):
        before, won, lost = history.promotions(), list[Promotion](), list[LinearRegressorError]()
        barrier = threading.Barrier(8)

        def promote(place: int, before: Promotions = before, won: list[Promotion] = won,
                    lost: list[LinearRegressorError] = lost, barrier: threading.Barrier = barrier) -> None:
            promotion = before.next("promote", MODELS[place % 4], by=f"{place}", reasons=[])
            barrier.wait()
            try:
                won.append(history.promote(promotion))
            except ConflictError as error:
                lost.append(error)

        threads = [threading.Thread(target=promote, args=(place,)) for place in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (1, 7) == (len(won), len(lost))
        assert won[0] == history.promotions()[-1]
    assert 20 == len(os.listdir(Path(history.name, "promotions")))


def test_without_hard_links_a_promotion_is_created_once_too(history: ModelHistory,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """As on FAT; no such file system can be mounted here, so the call fails as it does there."""
    def link(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    before = history.promotions()
    first = history.promote(before.next("promote", MODELS[0], by="a", reasons=[]))
    with pytest.raises(ConflictError):
        history.promote(before.next("promote", MODELS[1], by="b", reasons=[]))

    assert [first] == list(history.promotions())
    assert ["000001.json"] == os.listdir(Path(history.name, "promotions"))


def cut_in_half(path: Path) -> None:
    """Truncate a file."""
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def edit(path: Path) -> None:
    """Change one word by hand."""
    path.write_text(path.read_text().replace("because", "although"))


def invent(path: Path) -> None:
    """Write JSON without a digest."""
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in plain.items() if name != "sha256"}))


def lead_out(path: Path) -> None:
    """Name a version outside of the folder, with a digest that matches."""
    plain = json.loads(path.read_text()) | {"to_version": "../../secret"}
    del plain["sha256"]
    path.write_text(json.dumps({**plain, "sha256": digest_of(plain)}))


def swap(path: Path) -> None:
    """Put another promotion in its place."""
    path.write_bytes(path.with_name("000001.json").read_bytes())


@pytest.mark.parametrize(("damage", "reason"), [
    (cut_in_half, "it is not JSON"), (edit, "its digest does not match its content"),
    (invent, "its digest does not match its content"), (swap, "it has the number 1"),
    (lead_out, "a version must be 12 hexadecimal digits"),
    (lambda path: path.write_bytes(b"\xff\xfe"), "it is not JSON"), (lambda path: path.write_bytes(b""), "not JSON"),
    (lambda path: path.write_text("[" * 10000), "it is not JSON"),
    (lambda path: path.write_text("[]"), "it is not a promotion"),
    (lambda path: path.write_text('{"format": 2}'), "it has format 2")], ids=range(10))
def test_an_invalid_promotion_is_one_error_that_names_it(history: ModelHistory, damage: Callable[[Path], object],
                                                         reason: str) -> None:
    """The server, which reads the last one only, says the same."""
    for model in MODELS[:2]:
        decided(history, "promote", model)
    path = Path(history.name, "promotions", "000002.json")
    damage(path)

    uses: list[Callable[[], object]] = [history.promotions, lambda: load(history.name)]
    for use in uses[:1] if damage is swap else uses:
        with pytest.raises(ArtefactError) as caught:
            use()
        assert f"cannot use {path}: " in str(caught.value) and reason in str(caught.value)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_promotion_that_was_removed_is_missed(history: ModelHistory) -> None:
    """Else another one would get its number."""
    for model in MODELS[:3]:
        decided(history, "promote", model)
    path = Path(history.name, "promotions", "000002.json")
    path.unlink()

    with pytest.raises(ArtefactError, match="000002.json is missing, but later ones exist"):
        history.promotions()


def test_a_damaged_version_is_one_error_that_names_it(history: ModelHistory) -> None:
    """Truncated, another model, no file."""
    path = Path(history.name, VERSIONS[0], "model.joblib")
    decided(history, "promote", MODELS[0])
    other = path.parent.parent / VERSIONS[1] / "model.joblib"
    damages: list[tuple[Callable[[], object], str]] = [
        (lambda: cut_in_half(path), "it is not a model or is damaged"),
        (lambda: path.write_bytes(other.read_bytes()), f"it is the model {VERSIONS[1]}"), (path.unlink, "No such file")]
    uses: list[Callable[[], object]] = [lambda: history.load(VERSIONS[0]), lambda: load(history.name)]
    for damage, reason in damages:
        damage()
        for use in uses:
            with pytest.raises(ArtefactError) as caught:
                use()
            assert str(path) in str(caught.value) and reason in str(caught.value)


def test_a_damaged_card_is_one_error(history: ModelHistory) -> None:
    """Only who copies the card needs it."""
    path = Path(history.name, VERSIONS[0], "model.card.json")
    for content in ("[1]", "{"):
        path.write_text(content)
        with pytest.raises(ArtefactError, match="model.card.json: it is not a JSON object"):
            history.facts(VERSIONS[0])


def test_a_folder_is_loaded_as_its_champion(history: ModelHistory) -> None:
    """Without one, the error says how to get one."""
    with pytest.raises(ArtefactError, match="has no model in use; promote a model with 'linear-regressor models"):
        load(history.name)
    decided(history, "keep", MODELS[2])
    with pytest.raises(ArtefactError, match="has no model in use"):
        load(history.name)
    decided(history, "promote", MODELS[1])
    assert MODELS[1].digest == load(history.name).digest
    decided(history, "keep", MODELS[2])
    assert MODELS[1].digest == load(history.name).digest


def test_files_of_killed_processes_are_ignored_and_removed(history: ModelHistory) -> None:
    """Those of the last minute may be about to be locked by their process."""
    decided(history, "promote", MODELS[0])
    folder = Path(history.name)
    old, new, folders = (folder / "promotions" / ".000002.json.0000000a.tmp",
                         folder / "promotions" / ".000002.json.0000000b.tmp", folder / ".0123456789ab.0000000c.tmp")
    folders.mkdir()
    for path in (old, new, folders / "model.joblib"):
        path.write_bytes(b"half")
    for path in (old, folders):
        os.utime(path, (time.time() - LEAST_SECONDS - 1,) * 2)

    assert (4, 1, VERSIONS[0]) == (len(history.versions()), len(history.promotions()), load(history.name).digest[:12])
    decided(history, "promote", MODELS[1])
    history.add(artefact_of(1, 9), {})
    assert [False, True, False] == [path.exists() for path in (old, new, folders)]


@pytest.mark.parametrize("content", [b"", b"x", b"\x00" * 3000])
def test_an_object_is_created_with_its_whole_content_or_not_at_all(tmp_path: Path, content: bytes) -> None:
    """A second one is refused, and the first one stays."""
    storage = LocalFolder(tmp_path)

    assert [True, False] == [storage.create("a/b", each) for each in (content, b"other")]
    assert content == storage.read("a/b") and ["b"] == storage.list("a")


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    """It names the object; a file came into the place of the folder, or was there before."""
    history = ModelHistory.of(str(tmp_path / "file"))
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ArtefactError, match=f"cannot write {tmp_path}/file/{VERSIONS[0]}: "):
        history.add(MODELS[0], {})
    with pytest.raises(ArtefactError, match="cannot read .*: Not a directory"):
        history.versions()
    with pytest.raises(SettingError, match=f"{tmp_path}/file is a file; name the folder of a model's versions"):
        ModelHistory.of(str(tmp_path / "file"))


def test_a_version_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """With the command that prints those that do."""
    history = ModelHistory.of(str(tmp_path))
    history.add(MODELS[0], {})
    with pytest.raises(ArtefactError, match=f"{tmp_path} has no version {'0' * 12}; 'linear-regressor models list'"):
        history.load("0" * 12)


@pytest.mark.parametrize("location", ["", "  ", "ftp://bucket/path", "gs://", "gs://bucket/path?color=red",
                                      "s3://key:secret@bucket/path"])  # pragma: allowlist secret  # rejected
def test_an_invalid_location_is_misuse(location: str) -> None:
    """A secret is not shown."""
    pytest.importorskip("obstore", reason="obstore is not installed")
    with pytest.raises(SettingError) as caught:
        ModelHistory.of(location)
    assert "secret" not in str(caught.value)


@given(st.lists(st.tuples(st.sampled_from(["promote", "rollback", "keep"]), st.integers(0, 3)), max_size=30))
def test_repeated_rollbacks_end(decisions: list[tuple[Action, int]]) -> None:
    """Whatever came before: each rollback returns to an earlier champion, another one than the present, until none."""
    promotions = Promotions()
    for action, model in decisions:
        if action == "keep" or VERSIONS[model] != promotions.champion:
            promotions = Promotions([*promotions, promotions.next(action, MODELS[model], by="", reasons=[])])
    for _ in range(len(promotions) + 1):
        previous = promotions.previous
        if previous is None:
            return
        assert previous != promotions.champion and previous in {one.champion for one in promotions}
        promotions = Promotions([*promotions, promotions.next("rollback", MODELS[VERSIONS.index(previous)], by="",
                                                              reasons=[])])
    raise AssertionError("a rollback can be repeated for ever")
