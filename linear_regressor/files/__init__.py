"""Where the files of a data set are."""
