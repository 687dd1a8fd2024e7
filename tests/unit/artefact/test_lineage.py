"""``Lineage``: what the card says of the feedback behind a model."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from linear_regressor.artefact.lineage import KEY, Lineage
from linear_regressor.errors import ArtefactError
from tests.applications import artefact_of

VALID = {"store": "a1", "cut": 7, "generation": 2, "blocks": ["b1", "b2"]}


def test_a_model_without_feedback_has_the_first_generation() -> None:
    """Nothing of any store is in it."""
    assert Lineage() == Lineage.of(artefact_of(1))
    assert (None, 0, 1, ()) == (Lineage().store, Lineage().cut, Lineage().generation, Lineage().blocks)


def test_a_card_is_read_as_it_was_written() -> None:
    """Also through the artefact's plain values."""
    lineage = Lineage("a1", 7, 2, ("b1", "b2"))
    artefact = replace(artefact_of(1), card={KEY: lineage.to_card()})

    assert VALID == lineage.to_card()
    assert lineage == Lineage.of(type(artefact).from_plain(artefact.to_plain()))


@pytest.mark.parametrize(("changed", "message"), [
    ({"cut": -1}, "cut must be a whole number of at least 0"), ({"cut": True}, "cut must be"),
    ({"generation": 0}, "generation must be at least 1"), ({"generation": 1.0}, "generation must be"),
    ({"store": 5}, "store must be a string"), ({"blocks": "b1"}, "blocks must be a list of strings"),
    ({"more": 1}, "feedback has the unknown key 'more'")], ids=str)
def test_an_invalid_card_is_one_error(changed: dict[str, Any], message: str) -> None:
    """It names what is wrong."""
    with pytest.raises(ArtefactError, match=message):
        Lineage.of(replace(artefact_of(1), card={KEY: {**VALID, **changed}}))


def test_a_card_lists_at_most_4096_blocks() -> None:
    """The oldest ones are folded into one digest, which depends on each of them."""
    digests = [f"{number:064x}" for number in range(5000)]
    assert Lineage.folded(digests[:4096]) == tuple(digests[:4096])
    folded = Lineage.folded(digests)
    assert len(folded) == 4096 and folded[1:] == tuple(digests[-4095:])
    assert folded[0] == hashlib.sha256("\n".join(digests[:905]).encode()).hexdigest()
    assert Lineage.folded([*folded, "f" * 64])[0] == hashlib.sha256("\n".join(folded[:2]).encode()).hexdigest()
