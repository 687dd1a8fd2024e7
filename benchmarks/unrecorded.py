"""Our command line with a server that records no traffic, as the reference of what recording costs."""

from __future__ import annotations

from linear_regressor.cli import main
from linear_regressor.serving.predictor.served_traffic import ServedTraffic

if __name__ == "__main__":
    setattr(ServedTraffic, "recorder", lambda self, artefact: None)  # an assignment would not type-check
    main()
