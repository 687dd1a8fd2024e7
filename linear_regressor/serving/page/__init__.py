"""The pages for people: templates, one stylesheet, one script, and the geometry of the figures.

Rule of the room: no inline style or script and nothing from another origin, so that the strictest policy holds.
"""
