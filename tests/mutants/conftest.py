from tests.sagas.conftest import world

__all__ = ["world"]
