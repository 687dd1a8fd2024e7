"""File formats, a class for each, and how to read them."""
