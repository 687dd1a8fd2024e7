"""Which rows of a data set to take."""
