"""The card of a served model, as it is answered."""

from __future__ import annotations

from typing import Any

from linear_regressor.serving.served.served_model import ServedModel


def model_card(served: ServedModel, model_name: str) -> dict[str, Any]:
    """Gather what people and programs ask of a model; it depends on its digest and name alone.

    Parameters
    ----------
    served : ServedModel
        The model.
    model_name : str
        What callers name it by.

    Returns
    -------
    dict
        ``name``, ``version``, ``digest``, ``target``, ``features`` (each with name, slope and what was seen of it in
        training: mean, and, unless rows were unlearned, minimum and maximum), ``intercept``, ``rows``, ``levels``; and
        what training noted, where it did: ``metrics`` on the test rows, ``certificate``, ``data``, ``settings``.
    """
    artefact, card = served.artefact, served.artefact.card
    columns = zip(artefact.features, artefact.W.tolist(), artefact.limits, artefact.moments.x_mean.tolist(),
                  strict=True)
    features = [{"name": name, "slope": slope,
                 **({} if minimum is None else {"minimum": minimum, "maximum": maximum}), "mean": mean}
                for name, slope, (minimum, maximum), mean in columns]
    metrics = card.get("metrics", {})
    return {"name": model_name, "version": served.version, "digest": f"sha256:{artefact.digest}",
            "target": artefact.target, "features": features, "intercept": artefact.b, "rows": artefact.moments.n,
            "levels": list(served.signature.levels), "metrics": metrics.get("test"),
            "certificate": metrics.get("training"), "data": card.get("data"), "settings": card.get("settings")}
