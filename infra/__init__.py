"""Infrastructure as code and its checks; not part of the package."""
