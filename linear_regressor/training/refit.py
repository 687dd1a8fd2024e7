"""Train a model again on other moments, by the recipe on its card."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.plain_values import listed, members
from linear_regressor.cleaning.steps import DropRepeated, Step
from linear_regressor.cleaning.steps_file import steps_from_plain
from linear_regressor.errors import ArtefactError
from linear_regressor.model.descent import Descent, Fit
from linear_regressor.model.evaluate import Certificate
from linear_regressor.model.moments import Moments
from linear_regressor.training.config import environment

# The key of the model card: the cleaning steps with the number of rows that each of them changed or dropped.
CLEANING = "cleaning"
# The key of the model card: how many rows were left out because they have no value, only if such rows are left out.
MISSING = "missing"


def steps_of(artefact: Artefact, failure: str) -> tuple[Step, ...]:
    """All cleaning steps of the training, in order; reject one that other rows cannot pass."""
    counted = listed(artefact.card.get(CLEANING, []), CLEANING)
    steps = steps_from_plain([members(each, CLEANING, {"step", "rows"})["step"] for each in counted])
    for step in steps:
        if isinstance(step, DropRepeated):
            raise ArtefactError(f"{failure}: it was trained without rows whose {', '.join(step.key)} repeats, and it "
                                "does not know the keys of its rows; train a new model on the rows themselves")
    return steps or artefact.cleaning


def settings_of(artefact: Artefact, failure: str) -> dict[str, Any]:
    """Settings of the training; reject a model that moments alone cannot train again, beginning with the failure."""
    settings = artefact.card.get("settings")
    if not isinstance(settings, dict) or not {"lr", "iterations", "random_state"} <= settings.keys():
        raise ArtefactError(f"{failure}: the model's card has no settings of its training")
    if settings.get("batch_size") is not None:
        raise ArtefactError(f"{failure}: the model was trained on mini-batches, which cannot be drawn from moments; "
                            "train a new model on the rows themselves")
    return {"standardize": False, **settings}


def fit_again(settings: dict[str, Any], moments: Moments) -> Fit:
    """Descend as ``train`` does on rows with these moments."""
    descent = Descent.seeded(moments, settings["random_state"], settings["standardize"])
    descent.require_converging(settings["lr"])
    return descent.full_batch(settings["iterations"], settings["lr"])


def card_of(artefact: Artefact, moments: Moments, fit: Fit) -> dict[str, Any]:
    """Card of the model after it was trained again, without what moments cannot tell: test errors and digests."""
    card = {name: value for name, value in artefact.card.items() if name != "schema_digest"}
    data = {name: value for name, value in card.get("data", {}).items() if name != "digest"}
    return {**card, "settings": {**card["settings"], "lr_used": fit.lr},
            "data": {**data, "rows": moments.n},
            "metrics": {"training": asdict(Certificate.of(moments, fit.W, fit.b))}, "environment": environment()}
