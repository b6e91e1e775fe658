"""A row's own functions are asked: `when`, `items`, `input`, `until`, `accept`. Pure functions, never under a lock.

The answer is JSON: {"taken": false}, {"taken": true, "items": [...]}, {…, "input": …}, {…, "until": "2026-…"}, or, for
something that was waited for, {"result": …}. `Abort` from any of them turns the saga back; any other exception is a
fault of the definition, which a person must look at.
"""

from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError
from pydantic import BaseModel, ValidationError

from sagas.engine.context import Context
from sagas.errors import Abort, words_of
from sagas.record.attempts import Claim
from sagas.record.payload import Unstorable, pack, pack_model, unpack
from sagas.words.definition import has_secrets
from sagas.words.lifecycle import StepState
from sagas.words.outcome import NotNow, Outcome, Refused, Succeeded, Wrong
from sagas.words.rows import Approval, Child, Each, Sleep, Wait

MOST_ITEMS = 10_000
"""An `each` takes no longer list than this."""


def decide(held: Claim, ctx: Context) -> Outcome:
    """Ask the row's functions; the answer as an outcome. Raises nothing."""
    try:
        waited = held.run.state == StepState.WAITING
        return Succeeded(result=_accept(held, ctx) if waited else _begin(held, ctx))
    except Abort as error:
        return Refused(error=words_of(error), code=str(error.code))
    except (OperationalError, InterfaceError) as error:
        return NotNow(error=f"The database does not answer: {str(error).strip()}")
    except ValidationError as error:
        return Wrong(error=f"{held.run.path}: what came does not fit its model: {words_of(error)}", code="misfit")
    except Unstorable as error:
        return Wrong(error=f"{held.run.path}: its answer cannot be stored: {error}")
    except Exception as error:
        return Wrong(error=f"A function of {held.run.path} raised {type(error).__name__}: {words_of(error)}")


def _begin(held: Claim, ctx: Context) -> dict[str, Any]:
    row = held.row
    if row.when is not None and not row.when(ctx):
        return {"taken": False}
    match row:
        case Each():
            return {"taken": True, "items": pack(_items(row, ctx), ctx.known)}
        case Child():
            return {"taken": True, "input": _child_input(row, ctx)}
        case Sleep(until=until) if callable(until):
            return {"taken": True, "until": _time(until(ctx))}
    return {"taken": True}


def _items(row: Each, ctx: Context) -> list[Any]:
    found = row.items(ctx) if row.items is not None else _field(ctx.input, row.name)
    if isinstance(found, str | bytes | dict) or not hasattr(found, "__iter__"):
        raise TypeError(f"items must be a list, not {type(found).__name__}")
    items = list(found)
    if len(items) > MOST_ITEMS:
        raise ValueError(f"a list of {len(items)} items is too long; {MOST_ITEMS} are the most")
    return items


def _field(given: Any, name: str) -> Any:
    return given[name] if isinstance(given, dict) else getattr(given, name)


def _child_input(row: Child, ctx: Context) -> Any:
    given = row.input(ctx) if row.input is not None else ctx.input
    model = row.definition.input
    if model is None:
        return pack(given, ctx.known)
    given = given.model_dump() if isinstance(given, BaseModel) else given
    return pack_model(model.model_validate(given))


def _time(at: object) -> str:
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise TypeError(f"until must be an aware datetime, not {at!r}")
    return at.isoformat()


def _accept(held: Claim, ctx: Context) -> dict[str, Any]:
    row = held.row
    given = unpack(held.run.given or {}, ctx.known if has_secrets(row) else None)
    match row:
        case Wait(schema=schema, accept=accept):
            payload = schema.model_validate(given.get("payload")) if schema is not None else given.get("payload")
            accepted = accept(ctx, payload) if accept is not None else None
            return {"result": pack(payload if accepted is None else accepted, ctx.known)}
        case Approval(form=form, on_no=on_no):
            filled = form.model_validate(given.get("form") or {}) if form and given["approved"] else given.get("form")
            if not given["approved"] and on_no == "compensate":
                raise Abort(f"{given['by']} said no: {given['reason']}", code="not_approved")
            return {"result": pack({**given, "form": filled}, ctx.known)}
    raise AssertionError(f"a {row.kind} accepts nothing")
