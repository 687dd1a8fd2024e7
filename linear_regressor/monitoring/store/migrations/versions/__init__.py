"""Each module has a revision, the revision before it, and a function that goes from there to it."""
