"""Print the OpenAPI document of the service with default settings and the committed model, for docs/openapi.json."""

import json
from pathlib import Path

from linear_regressor.serving.app import create_app
from linear_regressor.serving.settings import Settings

MODEL = Path(__file__).resolve().parent.parent / "models" / "simple_linear_regressor.joblib"

if __name__ == "__main__":
    # ignores the environment, so that the output is the same on every machine
    app = create_app(Settings.from_env({"MODEL_PATH": str(MODEL), "ACCESS_LOG": "off", "WEB_CONCURRENCY": "1"}))
    print(json.dumps(app.test_client().get("/openapi.json").json, indent=1, ensure_ascii=False))
