"""By which name and version the model is asked for."""

from __future__ import annotations

from werkzeug.exceptions import NotFound

from linear_regressor.serving.served.served_model import ServedModel


def require_served(served: ServedModel, model_name: str, name: str, version: str | None = None) -> None:
    """Refuse a request for a model or a version that is not the one that is loaded.

    Parameters
    ----------
    served : ServedModel
        The model that is loaded.
    model_name : str
        What it is called.
    name : str
        The name that was asked for.
    version : str or None
        The version that was asked for; None for any.

    Raises
    ------
    NotFound
        If it is another one.
    """
    if name != model_name:
        raise NotFound(f"there is no such model; this server serves {model_name}")
    if version is not None and version != served.version:
        raise NotFound(f"there is no such version; of {model_name} this server serves {served.version}")
