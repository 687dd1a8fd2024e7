"""What each contract promises, asked of a running server: ``make conformance URL=http://127.0.0.1:5000``."""
