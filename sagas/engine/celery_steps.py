"""Celery tasks that exist already, as steps, unchanged."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from celery import current_app
from celery.exceptions import Ignore, Reject, Retry

from sagas.errors import Abort, RetryLater, Unknown


@dataclass(frozen=True)
class CeleryStep:
    """Calls a task by its name in the worker that runs the step, without a message. Built by `celery_step`."""

    task: str
    arguments: Callable[[Any], Mapping[str, Any]] | None = None

    @property
    def __name__(self) -> str:
        return self.task.rpartition(".")[2]

    def __call__(self, ctx: Any) -> Any:
        task = current_app.tasks.get(self.task)
        if task is None:
            raise RetryLater(f"This worker knows no Celery task {self.task!r}; import the module that defines it.")
        arguments = self.arguments(ctx) if self.arguments else _from_input(task.run, ctx.input)
        try:
            return task(**arguments)
        except Retry as wanted:  # it may have acted before it asked, so this is no "not now"
            raise Unknown(f"The task {self.task} asked to be tried again: {wanted}") from wanted
        except (Ignore, Reject) as refused:
            raise Abort(f"The task {self.task} refused: {refused}") from refused


def celery_step(task: str, arguments: Callable[[Any], Mapping[str, Any]] | None = None) -> CeleryStep:
    """An existing Celery task as the action or the compensation of a step: `step(celery_step("shop.tasks.charge"))`.

    The task's parameters are taken from the saga's input by their names, or from what `arguments(ctx)` returns as a
    mapping. The task runs inside the step's attempt: the step's timeout and retries hold, the task's own do not. After
    `self.retry()` nobody knows whether it had acted already: it is tried again by the step's policy, and undone on the
    way back. It gets no idempotency key unless `arguments` hands it `ctx.key`.
    """
    return CeleryStep(task, arguments)


def _from_input(run: Callable[..., Any], given: Any) -> dict[str, Any]:
    values = given if isinstance(given, Mapping) else {name: getattr(given, name) for name in type(given).model_fields}
    wanted = inspect.signature(run).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in wanted):
        return dict(values)
    return {parameter.name: values[parameter.name] for parameter in wanted if parameter.name in values}
