"""The console of the person on call, on stock Django admin. Nothing is edited here; verbs are called."""

from sagas.admin.saga import SagaAdmin

__all__ = ["SagaAdmin"]
