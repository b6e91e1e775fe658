"""The shop of docs/adopting.md: its code in a project of its own, and the coordinator beside it."""

import re
import sqlite3
import subprocess
import sys
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.docs.pages import page
from tests.harness.product import REPOSITORY, Product
from tests.harness.waiting import wait_until

PATIENT = timedelta(minutes=10)
FILES = dict(re.findall(r"^```python\n# (\w+/\w+\.py)\n(.*?)^```", page("adopting.md"), re.DOTALL | re.MULTILINE))

SETTINGS = """
import os
from pathlib import Path

SECRET_KEY = "the shop's own"
INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                  "django.contrib.sessions", "django.contrib.messages", "orders"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
              "OPTIONS": {"context_processors": ["django.template.context_processors.request",
                                                 "django.contrib.auth.context_processors.auth",
                                                 "django.contrib.messages.context_processors.messages"]}}]
ROOT_URLCONF = "shop.urls"
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SHOP_DATABASE"],
                         "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
THE_REST = {
    "manage.py": "import os, sys\nfrom django.core.management import execute_from_command_line\n"
    'os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"\nexecute_from_command_line(sys.argv)\n',
    "shop/__init__.py": "",
    "shop/urls.py": "from django.contrib import admin\nfrom django.urls import path\nfrom orders.views import place\n"
    'urlpatterns = [path("admin/", admin.site.urls), path("place/", place)]\n',
    "orders/__init__.py": "",
    "orders/models.py": "from django.db import models\n\n\nclass Order(models.Model):\n"
    '    amount = models.IntegerField()\n    state = models.CharField(max_length=20, default="placed")\n',
}
PLACE = """
from django.contrib.auth import get_user_model
from django.test import Client
from orders.models import Order
from sagas.models import Saga

shop = Client()
print("placed", shop.post("/place/", {"amount": 4990}).status_code)
try:
    shop.post("/place/", {"amount": 2 ** 200})
except OverflowError:
    print("refused", Order.objects.count(), Saga.objects.count())
shop.force_login(get_user_model().objects.create_superuser("olga"))
print("admin", shop.get("/admin/").status_code)
"""


@pytest.fixture
def payments():
    """A service that takes every charge, and its address."""

    class Payments(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.end_headers()
            self.wfile.write(b'{"charge": 7}')

        def log_message(self, *given):
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Payments) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def product(tmp_path, payments):
    """The shop as a project in a folder of its own, and an environment that makes the coordinator the shop's."""
    for name, text in {**THE_REST, **FILES, "shop/settings.py": SETTINGS + FILES["shop/settings.py"]}.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    environment = {
        "PYTHONPATH": f"{REPOSITORY}:{tmp_path}",
        "SHOP_DATABASE": str(tmp_path / "shop.sqlite3"),
        "SERVES": "sagas",
        "APPS": "orders",
        "SHOP": "off",
        "SAGA_SERVICES": f'{{"payments": {{"url": "{payments}", "token": "t"}}}}',
    }
    database = f"sqlite:///{tmp_path}/shop.sqlite3"
    with Product(database_url=database, broker_url="memory://", environment=environment) as product:
        yield product


def of_the_shop(product, tmp_path, *command: str) -> str:
    environment = {**product.environment, "DJANGO_SETTINGS_MODULE": "shop.settings"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENT.total_seconds(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_shop_begins_its_sagas_in_its_own_transactions_and_tests_them_in_its_own_tests(product, tmp_path):
    product.manage("migrate", "--run-syncdb", "-v0", within=PATIENT)
    product.manage("check", "--database", "default", "--fail-level", "WARNING", within=PATIENT)
    said = of_the_shop(product, tmp_path, "manage.py", "shell", "-v0", "-c", PLACE).split("\n")
    assert {"placed 201", "refused 1 1", "admin 200"} <= set(said)

    product.up()
    with sqlite3.connect(tmp_path / "shop.sqlite3") as database:
        wait_until(
            lambda: database.execute("SELECT state FROM orders_order").fetchall() == [("confirmed",)],
            "the order is confirmed",
        )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    told = of_the_shop(product, tmp_path, "-m", "pytest", "-q", "-p", "no:randomly", "orders/test_sagas.py")
    assert "2 passed" in told
