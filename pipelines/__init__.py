"""The pipeline from data to a promoted model for Kubeflow and Vertex AI Pipelines; runs in an environment of its own.

It imports nothing of the package: its steps are containers that call the command line.
"""
