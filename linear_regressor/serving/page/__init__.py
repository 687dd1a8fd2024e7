"""The pages: templates, a stylesheet, a script and the geometry of the figures.

No inline style or script and nothing from another origin, so that the strictest Content-Security-Policy applies.
"""
