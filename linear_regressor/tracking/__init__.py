"""Tracking: a line for each run beside the models, and runs, models and aliases in MLflow.

Rule of this package: only ``mlflow_store`` imports MLflow, and serving imports nothing of it.
"""
