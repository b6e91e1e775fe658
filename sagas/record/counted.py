"""What is counted of sagas, over all processes: each thing once, where its transaction has ended."""

from gateway.counters import Counter, Histogram

STARTED = Counter(name="saga_started_total", help="Sagas that were started.", labels=("definition",))
ENDED = Counter(
    name="saga_ended_total",
    help="Sagas that ended, by how. One that is opened again and ends again counts again.",
    labels=("definition", "state"),
)
TURNED_BACK = Counter(
    name="saga_turned_back_total",
    help="Sagas that turned back, by their cause.",
    labels=("definition", "cause"),
)
INCIDENTS = Counter(
    name="saga_incidents_total",
    help="Occurrences that needed a person, those of open incidents included.",
    labels=("definition", "step", "reason"),
)
ATTEMPTS = Counter(
    name="saga_attempts_total",
    help="Attempts of actions, compensations, probes and decisions, by what they came to.",
    labels=("definition", "step", "doing", "outcome"),
)
ATTEMPT_SECONDS = Histogram(
    name="saga_attempt_seconds",
    help="How long an attempt's own work took.",
    labels=("definition", "step", "doing"),
)
QUEUE_SECONDS = Histogram(
    name="saga_queue_seconds",
    help="For how long a step was due before a worker took it.",
    labels=("queue",),
)
START_SECONDS = Histogram(
    name="saga_start_seconds",
    help="How long it took from the start of a saga to the first attempt of its first step.",
    labels=("definition",),
)
LATE = Counter(
    name="saga_late_outcomes_total",
    help="What attempts came to after their time was over, or their saga had turned back.",
    labels=("definition", "step"),
)
SIGNALS = Counter(
    name="saga_signals_total",
    help="Signals that were stored: expected, unexpected, or late.",
    labels=("definition", "kind"),
)
VERBS = Counter(name="saga_verbs_total", help="What people and services decided about sagas.", labels=("verb",))
