"""``Provenance``: models of files and of histories, the chain of champions, and what cannot be used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.lineage import KEY, Lineage
from linear_regressor.artefact.promotion import Action, Promotions
from linear_regressor.artefact.provenance import Provenance
from linear_regressor.errors import ArtefactError
from tests.applications import artefact_of

COMMIT = "0123456789" * 4
MODELS = [replace(artefact_of(1, seed), card={"data": {"rows": 50 + seed, "target": "y"}}) for seed in range(4)]
VERSIONS = [model.digest[:12] for model in MODELS]
FACTS = {"trained_at": "2026-11-01T12:00:00+00:00", "code_commit": COMMIT, "data_location": "rows.csv"}


def decided(history: ModelHistory, action: Action, model: Artefact) -> None:
    """Record a decision on the present state."""
    history.promote(history.promotions().next(action, model, by="test", reasons=[f"{action} it"]))


@pytest.fixture
def history(tmp_path: Path) -> ModelHistory:
    """Return a history: 0, then 1, back to 0, 2 judged, 2 promoted; 3 was never judged."""
    found = ModelHistory.of(str(tmp_path / "models"))
    for model in MODELS:
        found.add(model, FACTS)
    for action, number in (("promote", 0), ("promote", 1), ("rollback", 0), ("keep", 2), ("promote", 2)):
        decided(found, action, MODELS[number])  # type: ignore[arg-type]  # mypy takes the action for any text
    return found


def numbers(found: Provenance) -> list[int]:
    """Numbers of the decisions on a model."""
    return [one.number for one in found.decisions]


def ancestors(found: Provenance) -> list[str]:
    """Versions before a model, the last one first."""
    return [one.digest[:12] for one in found.ancestors]


@pytest.mark.parametrize(("model", "state", "decisions", "before"), [
    (0, "former", [1, 2, 3, 5], []), (1, "former", [2, 3], [0]), (2, "champion", [4, 5], [0]), (3, None, [], [])])
def test_each_version_has_its_decisions_and_the_champions_before_it(
        history: ModelHistory, model: int, state: str | None, decisions: list[int], before: list[int]) -> None:
    """A rollback starts no new chain; a kept challenger replaces nobody."""
    found = Provenance.of(history.name, MODELS[model].digest)

    assert (state, decisions) == (found.state, numbers(found))
    assert [VERSIONS[number] for number in before] == ancestors(found)
    assert f"{history.name}/{VERSIONS[model]}/model.joblib" == found.file


@pytest.mark.parametrize("answered", [
    f"sha256:{MODELS[1].digest}", MODELS[1].digest, VERSIONS[1], f'"{VERSIONS[1]}"', VERSIONS[1].upper()])
def test_every_form_of_an_answers_digest_finds_the_model(history: ModelHistory, answered: str) -> None:
    """Of X-Model-Digest, X-Model-Version and ETag; without one the champion is traced."""
    assert MODELS[1].digest == Provenance.of(history.name, answered).artefact.digest
    assert MODELS[2].digest == Provenance.of(history.name).artefact.digest


def test_what_the_cards_say_is_told(history: ModelHistory) -> None:
    """Data, commit and times of the model and of its ancestors; JSON can hold all of it."""
    plain = Provenance.of(history.name).to_plain()
    (ancestor,) = plain["ancestors"]

    assert plain == json.loads(json.dumps(plain))
    assert {"rows": 52, "target": "y", "location": "rows.csv"} == plain["data"]
    assert COMMIT == plain["code_commit"] == ancestor["code_commit"]
    assert {"trained_at": FACTS["trained_at"]} == plain["recorded"]
    assert ("promote", ["promote it"]) == tuple(plain["decisions"][-1][name] for name in ("action", "reasons"))
    assert (VERSIONS[0], 50, 1) == (ancestor["version"], ancestor["data"]["rows"], ancestor["promotion"]["number"])
    assert f"sha256:{MODELS[2].digest}" == plain["model"]["digest"]


def test_feedback_is_told_with_the_number_of_its_blocks(tmp_path: Path) -> None:
    """Their digests, which may be thousands, are in the card; the parent of a retrained file is its ancestor."""
    card = {KEY: Lineage("store", 7, 2, ("a", "b")).to_card(), "retraining": {"parent": MODELS[0].digest}}
    save(replace(artefact_of(1), card=card), tmp_path / "model.joblib", {})
    found = Provenance.of(str(tmp_path / "model.joblib"))

    assert {"store": "store", "cut": 7, "generation": 2, "blocks": 2} == found.to_plain()["feedback"]
    assert [VERSIONS[0]] == ancestors(found)
    assert {"store", "cut", "generation", "blocks"} == found.artefact.card[KEY].keys()  # unchanged
    assert ["a", "b"] == found.artefact.card[KEY]["blocks"]


def test_the_last_ancestors_are_shown_and_the_others_counted(history: ModelHistory) -> None:
    """The page shows a few of a long history."""
    decided(history, "promote", MODELS[3])
    promotions = history.promotions()
    found, whole = (Provenance.of_version(history, promotions, MODELS[3], most) for most in (1, None))

    assert [VERSIONS[2]] == ancestors(found) and 1 == found.earlier
    assert [VERSIONS[2], VERSIONS[0]] == ancestors(whole) and 0 == whole.earlier


def test_promotions_that_contradict_each_other_give_a_chain_that_ends(history: ModelHistory) -> None:
    """Each valid on its own: a model before itself, and one from a version that came into use later."""
    made = history.promotions().next("promote", MODELS[3], by="test", reasons=[])
    circle = [replace(made, number=1, from_version=VERSIONS[1], to_version=VERSIONS[0]),
              replace(made, number=2, from_version=VERSIONS[0], to_version=VERSIONS[1]),
              replace(made, number=3, from_version=VERSIONS[3], to_version=VERSIONS[3])]
    found = [Provenance.of_version(history, Promotions(circle), MODELS[number]) for number in (0, 1, 3)]

    assert [0, 1, 0] == [len(each.ancestors) for each in found]


def test_a_card_that_is_not_there_is_no_error_and_a_damaged_one_is(tmp_path: Path) -> None:
    """As is the card of another model."""
    path = tmp_path / "model.joblib"
    save(MODELS[0], path, FACTS)
    save(MODELS[1], tmp_path / "other.joblib", FACTS)
    card = path.with_suffix(".card.json")
    other = (tmp_path / "other.card.json").read_bytes()
    for content, reason in ((b"[1]", "it is not a JSON object"), (b"{", "it is not a JSON object"),
                            (b"[" * 100_000, "it is not a JSON object"), (b"\xff", "it is not a JSON object"),
                            (other, f"it is that of another model than {VERSIONS[0]}")):
        card.write_bytes(content)
        with pytest.raises(ArtefactError) as raised:
            Provenance.of(str(path))
        assert str(raised.value) == (f"cannot use the card {card}: {reason}; restore it from a copy, or move it away "
                                     "to do without")
    card.unlink()
    plain = Provenance.of(str(path)).to_plain()

    assert (None, None, {}) == (plain["code_commit"], plain["data"]["location"], plain["recorded"])
    assert 50 == plain["data"]["rows"]


def test_an_ancestor_that_cannot_be_used_hides_nothing_else(history: ModelHistory) -> None:
    """Its entry says why; one whose folder is gone keeps its promotion."""
    folder = Path(history.name) / VERSIONS[0]
    (folder / "model.card.json").write_text("no card")
    damaged = Provenance.of(history.name).to_plain()["ancestors"][0]
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    gone = Provenance.of(history.name).to_plain()["ancestors"][0]

    assert str(folder / "model.card.json") in damaged["error"] and "not a JSON object" in damaged["error"]
    assert gone["error"] is None and 1 == gone["promotion"]["number"] == damaged["promotion"]["number"]


def test_an_unknown_digest_is_an_error_that_names_the_known_ones(history: ModelHistory, tmp_path: Path) -> None:
    """Also one that only begins like a version, and one that is not a digest."""
    save(MODELS[0], tmp_path / "model.joblib", {})
    known = ", ".join(sorted(VERSIONS))
    wrong = VERSIONS[0] + "0" * 52
    for location, answered, message in (
            (history.name, "0" * 12, f"no model of {history.name} has the digest {'0' * 12}; it knows {known}"),
            (history.name, wrong, f"no model of {history.name} has the digest {wrong}; it knows {MODELS[0].digest}"),
            (str(tmp_path / "model.joblib"), VERSIONS[1], f"it knows {VERSIONS[0]}"),
            (history.name, "", "'' is not the digest of a model: give the header X-Model-Digest or X-Model-Version"),
            (str(tmp_path / "none"), None, "cannot read the model file"),
            (str(tmp_path), None, f"{tmp_path} has no model in use: give the digest of an answer")):
        with pytest.raises(ArtefactError) as raised:
            Provenance.of(location, answered)
        assert message in str(raised.value) and "\n" not in str(raised.value)
