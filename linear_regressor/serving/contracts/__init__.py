"""The routes: one file a contract, each only decode, predict, encode.

Rule of the room: no JSON is read or written here and no number is computed.
"""
