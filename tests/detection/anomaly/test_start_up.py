"""What starting up must not cost."""

from __future__ import annotations

import os
import subprocess
import sys

HEAVY = ("pyod", "sklearn", "numba", "skops", "matplotlib", "scipy")


def test_setting_up_django_and_asking_for_detectors_loads_no_model_library() -> None:
    code = (
        "import sys, django; django.setup();"
        "import detection.anomaly.shelf, detection.anomaly.trainer, detection.anomaly.history;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.dev"},
    )
    assert told.stdout.strip() == "[]"
