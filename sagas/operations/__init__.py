"""The verbs. REST, the admin and the command line only call these; each takes an actor, and nearly all a reason.

    start        a saga begins                          signal       the outside tells it something
    cancel       it goes back, ends `cancelled`         decide       a person says yes or no
    compensate   it goes back, ends `compensated`       reschedule   a clock of it is moved
    pause        nothing new begins                     resume       it goes on
    retry        what needs a person is tried again     resolve      a person says whether a step happened
    skip         it goes on without a step              waive        a compensation was done by hand
    give_up      it ends `failed`                       clone        a new saga like it
    reveal       a person sees what is sensitive    tell_again   who was not told of its end is told after all

`wait_for` is for who cannot go on before a saga has ended.

A verb that does not fit raises `NotAllowed` with the list of those that do. `preview` says what a verb would do.
"""

from sagas.operations.allowing import allowed, effects_in_place
from sagas.operations.beginning import OnDuplicate, Started
from sagas.operations.cloning import clone
from sagas.operations.deciding import decide
from sagas.operations.halting import pause, resume
from sagas.operations.previewing import Preview, preview
from sagas.operations.repairing import give_up, reschedule, resolve, skip, waive
from sagas.operations.retrying import retry
from sagas.operations.revealing import reveal
from sagas.operations.signalling import Signalled, signal, signal_by_key
from sagas.operations.starting import LONGEST_KEY, MOST_PRIORITY, start, start_each, start_many
from sagas.operations.telling import tell_again
from sagas.operations.turning import cancel, compensate
from sagas.operations.waiting import wait_for

__all__ = [
    "LONGEST_KEY",
    "MOST_PRIORITY",
    "OnDuplicate",
    "Preview",
    "Signalled",
    "Started",
    "allowed",
    "cancel",
    "clone",
    "compensate",
    "decide",
    "effects_in_place",
    "give_up",
    "pause",
    "preview",
    "reschedule",
    "resolve",
    "resume",
    "retry",
    "reveal",
    "signal",
    "signal_by_key",
    "skip",
    "start",
    "start_each",
    "start_many",
    "tell_again",
    "wait_for",
    "waive",
]
