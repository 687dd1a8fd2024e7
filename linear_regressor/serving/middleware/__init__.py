"""What every request passes through, whatever its route: hooks, request context, body and errors."""
