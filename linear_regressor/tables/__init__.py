"""Whole tables: every column of a data set, for its verification and for the digest of its content."""
