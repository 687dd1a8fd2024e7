"""Match paths with globs, in time that grows with the length of the path alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from linear_regressor.errors import SettingError

WILDCARDS = re.compile(r"[*?\[{]")
# An innermost group with a comma, such as ``{a,b}``.
BRACES = re.compile(r"\{([^{},]*(?:,[^{},]*)+)\}")
MOST_ALTERNATIVES = 1_000
TOKENS = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


def alternatives(glob: str) -> list[str]:
    """Expand braces: ``{a,b}.csv`` becomes ``a.csv`` and ``b.csv``."""
    found = {glob: None}
    while any(map(BRACES.search, found)):
        found = {each: None for text in found for each in _expanded_once(text)}
        if len(found) > MOST_ALTERNATIVES:
            raise SettingError(f"the braces of a location stand for more than {MOST_ALTERNATIVES:,} alternatives; use "
                               "a wildcard, or repeat --data")
    return list(found)


def _expanded_once(text: str) -> list[str]:
    """Replace the first innermost group by each of its alternatives."""
    group = BRACES.search(text)
    if group is None:
        return [text]
    return [text[:group.start()] + each + text[group.end():] for each in group[1].split(",")]


def folder_of(glob: str) -> str:
    """Return the folder before the first part with a wildcard or braces."""
    wildcard = WILDCARDS.search(glob)
    return glob if wildcard is None else glob[:wildcard.start()].rpartition("/")[0]


@dataclass(frozen=True)
class Glob:
    """A glob below a folder: ``*``, ``?`` and ``[a-z]`` match no slash, ``**`` stands for any folders."""

    text: str

    @cached_property
    def parts(self) -> tuple[re.Pattern[str] | None, ...]:
        """Regular expressions between slashes; None stands for ``**``."""
        texts = self.text.split("/")
        if texts[-1] == "**":
            texts.append("*")
        for text in texts:
            if "**" in text and text.strip("*"):
                raise SettingError(f"invalid glob {self.text!r}: ** stands alone between slashes, as in **/*.csv")
        try:
            return tuple(re.compile(_regular_expression(text), re.DOTALL) if text.strip("*") or len(text) < 2 else None
                         for text in texts)
        except re.error as error:
            raise SettingError(f"invalid glob {self.text!r}: {error.msg}") from None

    @property
    def deep(self) -> bool:
        """Whether it matches paths in folders below."""
        return len(self.parts) > 1

    def matches(self, path: str) -> bool:
        """Whether it matches a path below the folder."""
        return len(self.parts) in self._reached(path)

    def leads_into(self, path: str) -> bool:
        """Whether it may match a path in this folder."""
        return any(place < len(self.parts) for place in self._reached(path))

    def _reached(self, path: str) -> set[int]:
        """Return how many parts of the glob a path may have used."""
        places = self._with_skipped({0})
        for name in path.split("/"):
            matching = set()
            for place in places - {len(self.parts)}:
                part = self.parts[place]
                if part is None:
                    matching.add(place)
                elif part.fullmatch(name):
                    matching.add(place + 1)
            places = self._with_skipped(matching)
        return places

    def _with_skipped(self, places: set[int]) -> set[int]:
        """Add the places after a ``**`` that stands for no folder."""
        for place in range(min(places, default=0), len(self.parts)):
            if place in places and self.parts[place] is None:
                places.add(place + 1)
        return places


def _regular_expression(part: str) -> str:
    """Translate what is between two slashes, without backtracking over earlier stars: the first match is as good."""
    pieces = [""]
    for symbol in TOKENS.findall(part):
        if symbol.startswith("*"):
            pieces.append("")
        elif symbol == "?":
            pieces[-1] += "."
        else:
            pieces[-1] += _character_class(symbol) if len(symbol) > 1 else re.escape(symbol)
    if len(pieces) == 1:
        return pieces[0]
    return pieces[0] + "".join(f"(?>.*?{piece})" for piece in pieces[1:-1]) + f".*{pieces[-1]}"


def _character_class(symbol: str) -> str:
    """Translate a class such as ``[!a-z]``; only ``!`` at its start, ``]`` and ``-`` are special in it."""
    negated = symbol.startswith("[!")
    content = re.sub(r"[\\\[&|~]|--", r"\\\g<0>", symbol[1 + negated:-1])
    return f"[{'^' * negated}{content}]"
