"""`manage.py saga matrix`, in a process of its own: it makes a database of its own, as a test run does."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def test_what_becomes_of_a_saga_is_tried_out_beside_the_live_database(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BROKER_URL")}
    environment |= {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "orchestrator.settings", "LOG_LEVEL": "ERROR"}
    words = ["saga", "matrix", "shipping", "--input", '{"order_id": "A-1", "pieces": 1}', "--json"]
    ran = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    cells = {(cell["row"], cell["failure"]): cell["state"] for cell in json.loads(ran.stdout)}
    assert cells["book_courier", "refused"] == "compensated"
    assert cells["book_courier", "cannot be undone"] == "stuck"
    assert [path for path in tmp_path.iterdir() if path.stat().st_size] == []
