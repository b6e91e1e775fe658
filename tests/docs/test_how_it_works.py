"""The order on the page is the one of the shop."""

import inspect

from examples.shop import sagas
from tests.docs.pages import page, section


def test_the_definition_on_the_page_is_the_shops() -> None:
    _, _, order = inspect.getsource(sagas).partition("\norder = saga(")
    assert f"```python\norder = saga({order.rstrip()}\n```" in section(page("how-it-works.md"), "The definition")
