"""`/metrics`: how the whole installation stands and what it has done, as Prometheus reads it.

Every web process answers the same, since what it tells is in the database: ask one address, not each process. While the
database is away the answer says so (`database_up`), with the last figures and their age; what was counted is left out
then, since two web processes may know it from different moments, and a counter must not go back.
"""

import hmac
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from gateway import conf, counters, figures, pulse
from gateway.figures import Board, Figure, Labels
from gateway.problems import Problem

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything, as text; 401 for who brings no token and comes from no network that may ask."""
    if not may_ask(request):
        sentence = (
            "These figures are for who looks after the installation. Send Authorization: Bearer <METRICS_TOKEN>, "
            "or ask from a network that METRICS_NETWORKS names."
        )
        problem = Problem(
            sentence, status=401, code="not_authenticated", headers={"WWW-Authenticate": 'Bearer realm="metrics"'}
        )
        return problem.as_http_response(request)
    up = pulse.database_answers()
    return HttpResponse(generate_latest(Told(figures.board(ask=up), up=up)), content_type=CONTENT_TYPE)


def may_ask(request: HttpRequest) -> bool:
    """Whether the request brings the token, or comes from a network of the setting; the database is not asked."""
    token = conf.current().METRICS_TOKEN
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        return hmac.compare_digest(given.strip().encode(), token.encode())
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return any(address in ip_network(network) for network in conf.current().METRICS_NETWORKS)


class Told:
    """What is told, as a collector of prometheus-client's."""

    def __init__(self, board: Board | None, *, up: bool) -> None:
        self._board = board
        self._up = up

    def collect(self) -> Iterator[Metric]:
        """How well we know, how it stands, and what was done."""
        board = self._board
        yield _gauge(Figure(name="database_up", help="Whether the database answers.", values={(): float(self._up)}))
        yield _gauge(
            Figure(
                name="figures_age_seconds",
                help="How old the figures are that come from the database.",
                values={} if board is None else {(): board.age},
            )
        )
        yield _gauge(
            Figure(
                name="figures_failed",
                help="Sources of figures that could not be asked; theirs are missing.",
                labels=("source",),
                values={} if board is None else {(source,): 1.0 for source in board.failed},
            )
        )
        for figure in () if board is None else board.figures:
            yield _gauge(figure, older=board.age if board is not None and figure.grows else 0.0)
        known = {} if board is None or board.is_stale else board.totals
        for name, metric in sorted(counters.declared.items()):
            yield _counted(metric, known.get(name, {}))


def _gauge(figure: Figure, older: float = 0.0) -> Metric:
    family = GaugeMetricFamily(figure.name, figure.help, labels=figure.labels)
    for labels, value in sorted(figure.values.items()):
        family.add_metric(labels, value + older)
    return family


def _counted(metric: counters.Metric, found: Mapping[Labels, Mapping[str, float]]) -> Metric:
    if isinstance(metric, counters.Histogram):
        times = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, parts in _that_fit(metric, found):
            times.add_metric(labels, _buckets(metric, parts), parts.get(counters.SUM, 0.0))
        return times
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, parts in _that_fit(metric, found):
        family.add_metric(labels, parts.get("", 0.0))
    return family


def _that_fit(
    metric: counters.Metric, found: Mapping[Labels, Mapping[str, float]]
) -> Iterator[tuple[Labels, Mapping[str, float]]]:
    """An earlier version may have counted under other labels; those figures cannot be told any more."""
    yield from ((labels, parts) for labels, parts in sorted(found.items()) if len(labels) == len(metric.labels))


def _buckets(metric: counters.Histogram, parts: Mapping[str, float]) -> list[tuple[str, float]]:
    """Each bucket counts what took at most so long; an earlier version may have had other bounds."""
    counted = [(float(part), value) for part, value in parts.items() if part != counters.SUM]
    bounds = [*metric.bounds, float("inf")]
    return [
        ("+Inf" if bound == float("inf") else str(bound), sum(value for at, value in counted if at <= bound))
        for bound in bounds
    ]
