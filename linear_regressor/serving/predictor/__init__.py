"""The model that is served, and what it can say of rows.

Rule of the room: nothing here knows routes or contracts.
"""
