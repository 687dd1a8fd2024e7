"""``Provenance``: where a model comes from: data, code, retraining, decisions, and the champions before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import facts_of, located
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.lineage import KEY, Lineage
from linear_regressor.artefact.model_files import card_beside, is_model_file, load
from linear_regressor.artefact.model_location import location_of
from linear_regressor.artefact.promotion import Promotion, Promotions
from linear_regressor.errors import ArtefactError

# As clients see it: X-Model-Digest, or X-Model-Version, which is its beginning.
ANSWERED = re.compile("(?:sha256:)?([0-9a-f]{12}|[0-9a-f]{64})")
# Digests that an error lists.
MOST_LISTED = 20
# Parts of the card inside the model file, which its digest covers.
PARTS = {"data": "data", "verification": "verification", "parameters": "settings", "environment": "environment",
         "metrics": "metrics", "retraining": "retraining", "unlearned": "unlearned"}


@dataclass(frozen=True, eq=False)
class Ancestor:
    """A champion before the model."""

    # digest of the model
    digest: str
    # with which it came into use first; None if that is unknown
    promotion: Promotion | None = None
    # empty if it is not there
    card: Mapping[str, Any] = field(default_factory=dict)
    # why its card cannot be used; None if it can
    error: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"version": self.digest[:12], "digest": self.digest, "data": _data(self.card, self.card),
                "code_commit": _text(self.card, "code_commit"), "error": self.error,
                "promotion": None if self.promotion is None else self.promotion.to_plain()}


@dataclass(frozen=True, eq=False)
class Provenance:
    """Where a model comes from, as far as its file, its card and the promotions say."""

    artefact: Artefact
    # path or URL of the model file
    file: str
    # entries of the card that are not in the model file: when it was made, by which code, from where
    facts: Mapping[str, Any]
    # champion, challenger or former; None for another version, and for a single file
    state: str | None = None
    # by which it was judged, came into use or was replaced, in order
    decisions: tuple[Promotion, ...] = ()
    # the last one first
    ancestors: tuple[Ancestor, ...] = ()
    # ancestors before these, which are not listed
    earlier: int = 0

    @classmethod
    def of(cls, location: str, answered: str | None = None) -> Provenance:
        """Trace a model file, or of a folder or bucket of models the champion or the model that answered."""
        digest = None if answered is None else _answered(answered)
        if is_model_file(location):
            return cls.of_file(location, _matching(load(location), digest, location))
        history = ModelHistory.of(location)
        promotions = history.promotions()
        version = promotions.champion if digest is None else digest[:12]
        if version is None:
            raise ArtefactError(f"{history.name} has no model in use: give the digest of an answer by --answer-digest, "
                                "or promote a model with 'linear-regressor models promote'")
        known = {*history.versions(), *(one.to_version for one in promotions)}
        if version not in known:
            raise _unknown(version, history.name, known)
        return cls.of_version(history, promotions, _matching(history.load(version), digest, history.name))

    @classmethod
    def of_file(cls, path: str, artefact: Artefact) -> Provenance:
        """Trace the model of a file without a history, of which at most the parent is known."""
        facts = facts_of(artefact, card_beside(path, artefact.digest))
        parent = _text(facts, "unlearned_from") or _text(_part(artefact.card, "retraining"), "parent")
        file = str(location_of(path)) if "://" in path else path
        return cls(artefact, file, facts, ancestors=() if parent is None else (Ancestor(parent),))

    @classmethod
    def of_version(cls, history: ModelHistory, promotions: Promotions, artefact: Artefact,
                   most: int | None = None) -> Provenance:
        """Trace a version, with at most so many ancestors."""
        version = artefact.digest[:12]
        before = _before(promotions, version)
        shown = before[:most]
        return cls(artefact, history.file_of(version), facts_of(artefact, history.card(version, artefact.digest)),
                   promotions.state(version), tuple(one for one in promotions if version in _concerned(one)),
                   tuple(_ancestor(history, one) for one in shown), len(before) - len(shown))

    @classmethod
    def in_use(cls, path: str, artefact: Artefact, history: ModelHistory | None, promotions: Promotions,
               most: int) -> Provenance:
        """Trace a model that is served from a file or a folder of models, with its history if there is one."""
        if history is not None:
            return cls.of_version(history, promotions, artefact, most)
        return cls.of_file(str(located(Path(path))), artefact)

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        artefact, facts = self.artefact, self.facts
        own = {name: _part(artefact.card, key) or None for name, key in PARTS.items()}
        if own["unlearned"]:  # hashes of rows tell nobody where the model comes from
            own["unlearned"] = {name: value for name, value in own["unlearned"].items() if name != "hashes"}
        return {"model": {"version": artefact.digest[:12], "digest": f"sha256:{artefact.digest}", "file": self.file,
                          "state": self.state, "target": artefact.target, "features": list(artefact.features)},
                **own, "data": _data(artefact.card, facts),
                "schema_digest": _text(artefact.card, "schema_digest"), "feedback": _feedback(artefact),
                "code_commit": _text(facts, "code_commit"), "pipeline_run": _text(facts, "pipeline_run"),
                "recorded": {name: value for name, value in facts.items()
                             if name not in ("code_commit", "data_location", "pipeline_run")},
                "decisions": [one.to_plain() for one in self.decisions],
                "ancestors": [one.to_plain() for one in self.ancestors], "earlier_ancestors": self.earlier}


def _answered(text: str) -> str:
    """Digits of the digest that a client saw."""
    match = ANSWERED.fullmatch(text.strip().strip('"').lower())
    if match is None:
        raise ArtefactError(f"{text[:100]!r} is not the digest of a model: give the header X-Model-Digest or "
                            "X-Model-Version of the answer, 64 or 12 hexadecimal digits")
    return match[1]


def _matching(artefact: Artefact, digest: str | None, name: str) -> Artefact:
    """Require the model that answered."""
    if digest is not None and not artefact.digest.startswith(digest):
        raise _unknown(digest, name, [artefact.digest[:len(digest)]])
    return artefact


def _unknown(digest: str, name: str, known: Iterable[str]) -> ArtefactError:
    """The error of a digest that no model has."""
    found = sorted(known)
    more = f" and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
    return ArtefactError(f"no model of {name} has the digest {digest}; it knows "
                         f"{', '.join(found[:MOST_LISTED]) or 'none'}{more}")


def _before(promotions: Promotions, version: str) -> list[Promotion]:
    """How each champion before a version came into use, the last one first.

    The champion before a model is the one that it was first compared with; each came into use by an earlier decision
    than the next, so the chain ends.
    """
    first: dict[str, Promotion] = {}
    for one in promotions:
        if one.action != "keep":
            first.setdefault(one.to_version, one)
    chain = [one for one in promotions if one.to_version == version][:1]
    while chain and (older := first.get(chain[-1].from_version or "")) and older.number < chain[-1].number:
        chain.append(older)
    return chain[1:]


def _ancestor(history: ModelHistory, promotion: Promotion) -> Ancestor:
    """Read the card of a former champion; its model file may be gone."""
    try:
        return Ancestor(promotion.digest, promotion, history.card(promotion.to_version, promotion.digest))
    except ArtefactError as error:
        return Ancestor(promotion.digest, promotion, error=str(error))


def _concerned(promotion: Promotion) -> set[str | None]:
    """Versions that a decision judged, brought into use or replaced."""
    return {promotion.to_version, None if promotion.action == "keep" else promotion.from_version}


def _data(card: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Rows, target and further facts of the training data, such as a digest, with their location."""
    return {**_part(card, "data"), "location": _text(facts, "data_location")}


def _feedback(artefact: Artefact) -> dict[str, Any] | None:
    """The feedback that a model learned from, whose blocks the card names; None for none."""
    if KEY not in artefact.card:
        return None
    lineage = Lineage.of(artefact)
    return {**lineage.to_card(), "blocks": len(lineage.blocks)}


def _part(card: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object of a card; empty for none."""
    value = card.get(name)
    return value if isinstance(value, dict) else {}


def _text(facts: Mapping[str, Any], name: str) -> str | None:
    """A text of a card; None for none."""
    value = facts.get(name)
    return value if isinstance(value, str) else None
