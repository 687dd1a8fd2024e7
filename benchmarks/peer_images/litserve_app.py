"""LitServe."""

from typing import Any

import joblib
import litserve

HOST = "0.0.0.0"  # nosec B104  # the engine publishes it on the loopback address only


class Line(litserve.LitAPI):
    """Serves the line."""

    def setup(self, device: str) -> None:
        """Load it in the process that predicts."""
        self.model = joblib.load("model.joblib")

    def decode_request(self, request: dict[str, Any]) -> Any:
        """Take the rows from the body."""
        return request["instances"]

    def predict(self, rows: Any) -> Any:
        """Predict many records."""
        return self.model.predict(rows)

    def encode_response(self, predictions: Any) -> dict[str, Any]:
        """Make the body of the response."""
        return {"predictions": predictions.tolist()}


if __name__ == "__main__":
    litserve.LitServer(Line(api_path="/batch"), accelerator="cpu", workers_per_device=1).run(
        host=HOST, port=8080, num_api_servers=1, log_level="error", generate_client_file=False)
