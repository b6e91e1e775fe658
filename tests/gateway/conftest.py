from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connections
from django.http import HttpResponse
from django.test import Client

KEY = "the-key-of-the-tests"


@pytest.fixture(autouse=True)
def the_doors(settings: LazySettings) -> None:
    """Let requests come to `tests.gateway.doors`, with a key of the tests' own."""
    settings.ROOT_URLCONF = "tests.gateway.doors"
    settings.GATEWAY = {"API_KEY": KEY}


class Service(Client):
    """A service that knows the key and speaks JSON."""

    def __init__(self, **defaults: Any) -> None:
        super().__init__(headers={"Authorization": f"Bearer {KEY}", "Accept": "application/json"}, **defaults)

    def send(self, path: str, body: Any, **headers: str) -> HttpResponse:
        """POST a value as JSON, or bytes as they are."""
        return self.post(path, body, content_type="application/json", headers=headers)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def aside() -> Iterator[Callable[..., Future]]:
    """Calls functions in threads, which close their database connections."""
    with ThreadPoolExecutor(20) as pool:

        def closing(call: Callable, *args: object) -> object:
            try:
                return call(*args)
            finally:
                connections.close_all()

        yield lambda call, *args: pool.submit(closing, call, *args)
