"""What the model says of its features, written into the schemas that check them."""

from __future__ import annotations

from typing import Any

from linear_regressor.artefact.artefact import Artefact

Json = dict[str, Any]


def feature_notes(artefact: Artefact) -> list[Json]:
    """Describe each feature by its name and, where it is known, the range it had in training.

    Parameters
    ----------
    artefact : Artefact
        The model.

    Returns
    -------
    list of dict
        Members that explain and check nothing.
    """
    return [{"title": name, "description": f"{name}, in the unit of the training data.",
             **({} if low is None else {"x-training-range": {"minimum": low, "maximum": high}}),
             "x-training-mean": float(f"{mean:.10g}")}
            for name, (low, high), mean in zip(artefact.features, artefact.limits, artefact.moments.x_mean.tolist(),
                                               strict=True)]


def with_notes(schema: Json, notes: list[Json]) -> Json:
    """Write what is known of the features into the schema of a row, or of the number that is one.

    Parameters
    ----------
    schema : dict
        The schema of a rule.
    notes : list of dict
        Of each feature.

    Returns
    -------
    dict
        Another schema, which accepts the same.

    Examples
    --------
    >>> with_notes({"type": "number"}, [{"title": "bmi"}])
    {'type': 'number', 'title': 'bmi'}
    """
    if "prefixItems" not in schema:
        return {**schema, **notes[0]}
    items = [{**item, **note} for item, note in zip(schema["prefixItems"], notes, strict=True)]
    return {**schema, "prefixItems": items}


def by_feature(artefact: Artefact, schema: Json, description: str) -> Json:
    """Describe an object with a member for each feature.

    Parameters
    ----------
    artefact : Artefact
        The model.
    schema : dict
        What each member holds.
    description : str
        What they say.

    Returns
    -------
    dict
    """
    return {"type": "object", "description": description, "required": list(artefact.features),
            "properties": {name: schema for name in artefact.features}}
