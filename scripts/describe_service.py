"""Print the description of the service as it is by default, with the committed model: what docs/openapi.json keeps."""

import json
from pathlib import Path

from linear_regressor.serving.app import create_app
from linear_regressor.serving.settings import Settings

MODEL = Path(__file__).resolve().parent.parent / "models" / "simple_linear_regressor.joblib"

if __name__ == "__main__":
    # no variable of this machine goes in: the copy is the same everywhere
    app = create_app(Settings.from_env({"MODEL_PATH": str(MODEL), "ACCESS_LOG": "off", "WEB_CONCURRENCY": "1"}))
    print(json.dumps(app.test_client().get("/openapi.json").json, indent=1, ensure_ascii=False))
