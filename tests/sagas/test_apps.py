"""A `sagas.py` that cannot be imported is told with its line, and with the keyword that was meant."""

import os
import subprocess
import sys

from tests.harness.product import REPOSITORY

TABLE = 'from sagas import saga, step\n\n\ndef act(ctx): ...\n\n\ntrip = saga("trip", step(act, compensate=act))\n'
SENTENCE = "step() got an unexpected keyword argument 'compensate'. Did you mean compensation=?"


def test_a_module_that_cannot_be_imported_is_told_with_its_line_and_the_keyword_that_was_meant(tmp_path):
    app = tmp_path / "trips"
    app.mkdir()
    (app / "__init__.py").touch()
    (app / "sagas.py").write_text(TABLE)
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **{"PYTHONPATH": str(tmp_path), "APPS": "trips", "DATA_DIR": str(tmp_path)},
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 1
    assert f"(sagas.E001) trips.sagas cannot be imported: {app}/sagas.py, line 7: TypeError: {SENTENCE}" in done.stderr
