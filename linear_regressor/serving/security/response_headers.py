"""What every answer tells a browser about how to treat it."""

from __future__ import annotations

NO_SNIFFING = ("X-Content-Type-Options", "nosniff")

# Predictions are for who asked: no cache on the way keeps them.
PRIVATE = [NO_SNIFFING, ("Cache-Control", "no-store")]

# Pages may use what this server itself serves, and nothing else; nobody may frame them.
PUBLIC = [NO_SNIFFING, ("Referrer-Policy", "no-referrer"), (
    "Content-Security-Policy",
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'")]
