"""Who may ask what, and how often; each decision is written down.

Rule of the room: nothing here reads the body of a request, and no secret is kept, logged or repeated.
"""
