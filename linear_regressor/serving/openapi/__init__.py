"""The OpenAPI 3.1 document, made from the contracts, the rules that validate requests, and the served model.

Rule of this package: it knows no contract; request schemas come from the rules in ``schema``.
"""
