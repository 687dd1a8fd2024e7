"""Answers that depend on what the caller has already."""

from __future__ import annotations

from flask import Response, abort, request


def conditional(response: Response, etag: str) -> Response:
    """Give an answer its ETag, and leave away its body where the caller has it.

    Parameters
    ----------
    response : flask.Response
        The answer, whole.
    etag : str
        What stands for its content.

    Returns
    -------
    flask.Response
        Of status 304, without a body, where ``If-None-Match`` names the ETag.

    Raises
    ------
    werkzeug.exceptions.PreconditionFailed
        If ``If-Match`` names others alone.

    References
    ----------
    RFC 9110, section 13.
    """
    response.set_etag(etag)
    response.make_conditional(request)
    if response.status_code == 412:
        abort(412)
    return response
