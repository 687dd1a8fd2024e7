"""Who may call: the security part of the description, as AUTH has it."""

from __future__ import annotations

from typing import Any

from linear_regressor.settings import AuthMode

Json = dict[str, Any]

SCHEMES: Json = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key",
               "description": "A key of this service with the scope predict (AUTH=api-key); Authorization: Bearer "
                              "takes it too."},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
               "description": "An identity token of the issuer that this service trusts (AUTH=oidc), such as a Google "
                              "ID token whose audience is this service. Behind Cloud Run's own check the platform's "
                              "token goes into X-Serverless-Authorization, since it is passed on without its "
                              "signature."},
}

# Where the service itself asks for nothing, a platform in front of it may still want its token.
REQUIREMENTS: dict[AuthMode, list[Json]] = {
    "none": [{}, {"bearer": []}],
    "api-key": [{"apiKey": []}],
    "oidc": [{"bearer": []}],
}
