"""The description of the service: OpenAPI 3.1, made from the rules that validate and from the model that is served.

Rule of the room: no schema of a request is written here that the payload's rules could give; a file a contract says
which routes there are, and what answers look like.
"""
