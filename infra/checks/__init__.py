"""Checks of infra/terraform that need no provider and no account: ``make infra-check``."""
