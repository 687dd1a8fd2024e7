"""The served model and its statistics; knows no HTTP."""
