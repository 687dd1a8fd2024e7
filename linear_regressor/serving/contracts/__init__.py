"""One module per contract: its routes, error format and OpenAPI description, exported as ``CONTRACT``.

Rule of this package: routes only decode, predict and encode; they parse no JSON and compute no numbers themselves.
"""
