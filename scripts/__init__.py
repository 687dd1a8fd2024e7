"""Scripts of the make targets; ``python -m scripts.NAME`` from the repository."""
