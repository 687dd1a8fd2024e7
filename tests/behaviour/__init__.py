"""Behaviour tests of models: what their predictions do, whatever their weights are."""
