"""``Lineage``: which feedback a model has learned from, or was chosen by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.plain_values import count, members, text, texts
from linear_regressor.errors import ArtefactError

# The key of the model card; a model that was trained without feedback has none.
KEY = "feedback"
KEYS = {"store", "cut", "generation", "blocks"}
# Digests that a card lists, so that a model of many rows stays a small file.
MOST_BLOCKS = 4096


@dataclass(frozen=True)
class Lineage:
    """The feedback behind a model: no row of it is counted or tested again."""

    # identity of the feedback store; None without feedback
    store: str | None = None
    # serial number of the last row that the model learned from or was chosen by; 0 for none
    cut: int = 0
    # m for the m-th champion, from 1
    generation: int = 1
    # digests of the feedback blocks that the model learned from; of more than 4,096 the first stands for the oldest
    blocks: tuple[str, ...] = ()

    @classmethod
    def of(cls, artefact: Artefact) -> Lineage:
        """Read the lineage in the card of a model."""
        if KEY not in artefact.card:
            return cls()
        values = members(artefact.card[KEY], KEY, KEYS)
        store = None if values["store"] is None else text(values["store"], "store")
        cut, generation = (count(values[name], name) for name in ("cut", "generation"))
        if generation == 0:
            raise ArtefactError("generation must be at least 1")
        return cls(store, cut, generation, texts(values["blocks"], "blocks"))

    @staticmethod
    def folded(digests: Sequence[str]) -> tuple[str, ...]:
        """Replace the oldest of too many digests by the SHA-256 of their text, one a line."""
        if len(digests) <= MOST_BLOCKS:
            return tuple(digests)
        oldest, newest = digests[:1 - MOST_BLOCKS], digests[1 - MOST_BLOCKS:]
        return hashlib.sha256("\n".join(oldest).encode()).hexdigest(), *newest

    def to_card(self) -> dict[str, Any]:
        """Return the value of the card's key ``feedback``."""
        return {"store": self.store, "cut": self.cut, "generation": self.generation, "blocks": list(self.blocks)}
