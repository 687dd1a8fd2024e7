"""Request and response bodies: JSON to arrays and back, with a pointer to every fault.

Knows no HTTP, no contract and not the predictor.
"""
