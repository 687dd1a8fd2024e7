"""The model card, flattened into names and values that a table can show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# What the parts of the card are called on the page, in its order; a part that is not known keeps its own name, and
# comes last.
TITLES = {"metrics test": "Errors on the test rows", "metrics training": "Certificate of the training",
          "data": "Data", "unlearned": "Rows unlearned", "settings": "Settings of the training",
          "environment": "Trained with"}
# Names that do not explain themselves.
NAMES = {"gap": "loss above the best line", "loss": "mean squared error", "r2": "R²", "lr": "learning rate asked for",
         "lr_used": "learning rate used"}

Facts = dict[str, list[tuple[str, str]]]


def facts_of(card: dict[str, Any]) -> Facts:
    """Group the facts of a card.

    Parameters
    ----------
    card : dict
        Plain values, as deep as they may be.

    Returns
    -------
    dict of str to list of (str, str)
        By title: names and values.

    Examples
    --------
    >>> facts_of({"metrics": {"test": {"r2": 0.47233}}, "data": {"rows": 422}})
    {'Errors on the test rows': [('R²', '0.4723')], 'Data': [('rows', '422')]}
    """
    facts: Facts = {title: [] for title in TITLES.values()}
    for path, value in _leaves(card, ()):
        title = " ".join(path[:-1])
        name = NAMES.get(path[-1], path[-1].replace("_", " "))
        facts.setdefault(TITLES.get(title, title or "Card"), []).append((name, text_of(value)))
    return {title: lines for title, lines in facts.items() if lines}


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk through the objects of a card."""
    for name, member in value.items():
        if isinstance(member, dict):
            yield from _leaves(member, (*path, name))
        else:
            yield (*path, name), member


def exact_text_of(value: float) -> str:
    """Write a number for a field of a form.

    Parameters
    ----------
    value : float
        A number.

    Returns
    -------
    str
        Twelve digits, without those that say nothing.

    Examples
    --------
    >>> exact_text_of(-0.16), exact_text_of(0.0), exact_text_of(2e-05)
    ('-0.16', '0', '2e-05')
    """
    return f"{value:.12g}"


def text_of(value: Any) -> str:
    """Write a value for people.

    Parameters
    ----------
    value : object
        A plain value.

    Returns
    -------
    str
        Numbers with four digits that matter.

    Examples
    --------
    >>> text_of(0.0024833483), text_of(422.0), text_of(None), text_of(["a", "b"]), text_of(15000)
    ('0.002483', '422', '–', 'a, b', '15000')
    """
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    return ", ".join(text_of(one) for one in value) if isinstance(value, list) else str(value)
