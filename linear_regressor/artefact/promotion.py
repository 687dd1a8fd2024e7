"""``Promotion``: one decision on which model is in use; ``Promotions``: all of them, which give the champion."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.lineage import Lineage
from linear_regressor.artefact.plain_values import count, digest_of, text, texts, verify
from linear_regressor.errors import ArtefactError

# promote and rollback change the model in use; keep judges a model and leaves the one in use
Action = Literal["promote", "rollback", "keep"]

FORMAT = 1
FOLDER = "promotions"
NAME = re.compile(r"(\d{6,})\.json")
VERSION = re.compile("[0-9a-f]{12}")
DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Promotion:
    """One decision, which is never changed."""

    # place in the history, from 1
    number: int
    # time with its zone, in ISO format
    at: str
    by: str
    action: Action
    # the model in use before; None for the first one
    from_version: str | None
    # the model that was promoted, that was returned to, or that was judged and not taken
    to_version: str
    # SHA-256 of that model
    digest: str
    # in words
    reasons: tuple[str, ...]
    # why it was promoted although the gate refused; None if nothing was forced
    forced: str | None = None
    # m for the m-th champion, which is in use from now on; 0 before the first
    generation: int = 0
    # identity of the feedback store, and the last of its serial numbers that the champion learned from or was chosen by
    store: str | None = None
    cut: int = 0
    # further facts as plain values
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def champion(self) -> str | None:
        """The version in use from this decision on."""
        return self.from_version if self.action == "keep" else self.to_version

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for reports, without the evidence."""
        return {"number": self.number, "at": self.at, "by": self.by, "action": self.action, "from": self.from_version,
                "to": self.to_version, "reasons": list(self.reasons), "forced": self.forced}

    def to_json(self) -> bytes:
        """Return the content of its object."""
        plain = {"format": FORMAT, **asdict(self), "reasons": list(self.reasons), "evidence": dict(self.evidence)}
        return json.dumps({**plain, "sha256": digest_of(plain)}, indent=1, allow_nan=False).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> Promotion:
        """Build a promotion from the content of its object; any invalid content is an ArtefactError."""
        try:
            plain = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ArtefactError(f"it is not JSON ({error})") from None
        values = verify(plain, "promotion", {FORMAT: {"format", *cls.__dataclass_fields__}})
        if values["action"] not in get_args(Action) or not isinstance(values["evidence"], dict):
            raise ArtefactError("action or evidence is invalid")
        for name in ("number", "generation", "cut"):
            count(values[name], name)
        for name in ("at", "by", "to_version", "digest"):
            text(values[name], name)
        for name in ("from_version", "forced", "store"):
            text(values[name] or "", name)
        if not VERSION.fullmatch(values["to_version"]) or not VERSION.fullmatch(values["from_version"] or "0" * 12):
            raise ArtefactError("a version must be 12 hexadecimal digits")
        if not DIGEST.fullmatch(values["digest"]) or not values["digest"].startswith(values["to_version"]):
            raise ArtefactError("the digest must be 64 hexadecimal digits that begin with the version")
        return cls(**{**{name: values[name] for name in cls.__dataclass_fields__},
                      "reasons": texts(values["reasons"], "reasons")})


class Promotions(tuple[Promotion, ...]):
    """All decisions in order, as they were at one moment."""

    __slots__ = ()

    @property
    def champion(self) -> str | None:
        """The version in use; None for none."""
        return self[-1].champion if self else None

    @property
    def challenger(self) -> str | None:
        """The version that was judged last and not taken; None if that was before the last change."""
        return self[-1].to_version if self and self[-1].action == "keep" else None

    @property
    def previous(self) -> str | None:
        """The version that a rollback returns to: the champion before the present one; None for none."""
        stack: list[str] = []
        for one in self:
            if one.action == "rollback" and one.to_version in stack[:-1]:
                del stack[_last(stack[:-1], one.to_version) + 1:]
            elif one.action != "keep":
                stack.append(one.to_version)
        return stack[-2] if len(stack) > 1 else None

    def state(self, version: str) -> str | None:
        """Champion, challenger or former; None for a version that has never been in use nor was judged last."""
        if version in (self.champion, self.challenger):
            return "champion" if version == self.champion else "challenger"
        return "former" if version in {one.champion for one in self} else None

    @property
    def generation(self) -> int:
        """m for the m-th champion; 0 before the first."""
        return self[-1].generation if self else 0

    def next(self, action: Action, artefact: Artefact, *, by: str, reasons: Sequence[str], forced: str | None = None,
             cut: int = 0, store: str | None = None, evidence: Mapping[str, Any] | None = None,
             at: datetime | None = None) -> Promotion:
        """Make the decision that follows these; ``cut`` is the last serial number in ``store`` that it looked at."""
        lineage, last = Lineage.of(artefact), self[-1] if self else None
        known, generation, before = (last.store, last.generation, last.cut) if last else (None, 0, 0)
        if action != "keep":
            generation, used = generation + 1, store or lineage.store or known
            # serial numbers of different stores are not compared
            before = max(cut, before if known in (None, used) else 0, lineage.cut if lineage.store == used else 0)
            known = used
        return Promotion(len(self) + 1, (at or datetime.now(UTC)).isoformat(), by, action, self.champion,
                         artefact.digest[:12], artefact.digest, tuple(reasons), forced, generation, known, before,
                         evidence or {})


def number_of(name: str) -> int | None:
    """Number of the promotion in an object of this name; None for another object."""
    match = NAME.fullmatch(name)
    return int(match[1]) if match and name == name_of(int(match[1])) else None


def name_of(number: int) -> str:
    """Name of the object of a promotion."""
    return f"{number:06d}.json"


def champion_of(folder: Path) -> str:
    """Version in use of a local folder of models, from the last promotion alone."""
    path, remedy = folder / FOLDER, f"promote a model with 'linear-regressor models promote MODEL --models {folder}'"
    try:
        numbers = [number for name in os.listdir(path) if (number := number_of(name)) is not None]
        path /= name_of(max(numbers, default=0))
        champion = Promotion.from_json(path.read_bytes()).champion if numbers else None
    except FileNotFoundError:
        champion = None
    except OSError as error:
        raise ArtefactError(f"cannot read {path}: {error.strerror}") from None
    except ArtefactError as error:
        raise ArtefactError(f"cannot use {path}: {error}; restore it from a copy") from None
    if champion is None:
        raise ArtefactError(f"the folder of models {folder} has no model in use; {remedy} or name a model file")
    return champion


def user_name() -> str:
    """Name of the user who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"


def _last(values: Sequence[str], value: str) -> int:
    """Place of the last such value."""
    return len(values) - 1 - values[::-1].index(value)
