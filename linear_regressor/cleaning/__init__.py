"""Cleaning steps, which a schema declares and an artefact carries."""
