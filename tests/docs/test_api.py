"""What docs/api.md shows is what somebody pastes: its commands into a shell, its PHP and Python into a service."""

import json
import os
import re
import shlex
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from gateway.models import ApiKey
from sagas.models import Saga, Signal
from tests.conftest import IN_CI
from tests.docs.pages import page

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = page("api.md")
HOST = "https://sagas.example.org"
COMMANDS = [block for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) if "curl" in block]
ORDER = {"order_id": "order-7", "user_id": "u-1", "lines": [{"sku": "lamp", "quantity": 1}], "amount": 4990}
SHELL = 'set -eu; curl() { command curl --silent --show-error --fail-with-body --max-time 60 "$@"; echo; }\n'
GUZZLE = Path(__file__).with_name("guzzle.php")


def snippet(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def run(command: list[str], **environment: str) -> str:
    known = {"PATH": os.environ["PATH"], "KEY": settings.GATEWAY["API_KEY"], "SAGA_KEY": settings.GATEWAY["API_KEY"]}
    ran = subprocess.run(command, env=known | environment, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, f"{command[-1]}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def needs(program: str, package: str) -> None:
    if shutil.which(program) is None:
        sentence = f"{program} is not installed (Debian: {package}), so what docs/api.md shows with it is NOT tested."
        pytest.fail(f"{sentence} With CI=true that is an error.") if IN_CI else pytest.skip(sentence)


def test_every_command_works_when_it_is_pasted_in_the_pages_order(live_server: Any) -> None:
    needs("curl", "curl")
    assert len(COMMANDS) >= 5
    for block in COMMANDS:
        saga = Saga.objects.first()
        known = {"SAGA": str(saga.pk)} if saga else {}
        for line in run(["bash", "-c", SHELL + block.replace(HOST, live_server.url)], **known).splitlines():
            assert json.loads(line)
    assert (Saga.objects.get().business_key, Signal.objects.get().name) == ("order-7", "payment_settled")


def test_the_commands_about_keys_work_when_they_are_pasted() -> None:
    (block,) = (found for found in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) if "manage.py" in found)
    for line in block.splitlines():
        program, command, *words = shlex.split(line)
        assert program == "manage.py"
        call_command(command, *words)
    assert ApiKey.objects.filter(name="shop").count() == 2


def test_the_php_starts_a_saga_and_the_same_one_when_it_is_sent_again(live_server: Any) -> None:
    needs("php", "php-cli")
    code = snippet("php").replace(HOST, live_server.url)
    given = f"$orderId = 7; $input = json_decode('{json.dumps(ORDER)}', true);"
    for _ in range(2):
        said = run(["php", "-r", f"require {str(GUZZLE)!r}; {given} {code} echo json_encode($saga);"])
        assert json.loads(said)["business_key"] == "order-7"
    assert Saga.objects.get().input == ORDER


def test_the_python_starts_a_saga(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code = snippet("python").replace(HOST, live_server.url).replace("wait=timedelta(seconds=10)", "wait=timedelta(0)")
    monkeypatch.setenv("SAGA_KEY", settings.GATEWAY["API_KEY"])
    known: dict[str, Any] = {"os": os, "timedelta": timedelta, "order": ORDER}
    exec(code, known)
    known["sagas"].close()
    assert known["saga"]["id"] == str(Saga.objects.get().pk)
