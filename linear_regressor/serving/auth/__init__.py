"""Who may send which requests, and how many.

Nothing here reads a request's body, and no secret is stored, logged or repeated in a response.
"""
