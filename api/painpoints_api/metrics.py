"""Figures for Prometheus: requests by route and status, jobs by kind and state. Never a name or text."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from painpoints_api.database import Database
from painpoints_api.records import Job

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The figures of one process; jobs are counted in the database when asked for."""

    def __init__(self, database: Database) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Jobs(database))
        self._requests = Counter(
            "painpoints_requests",
            "Requests answered",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "painpoints_request_seconds",
            "Time to answer",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request by its route's pattern, never by its path."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return all figures in Prometheus' format."""
        return generate_latest(self._registry)


class _Jobs(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily("painpoints_jobs", "Jobs", labels=("kind", "status"))
        with self._database.read() as session:
            counted = select(Job.kind, Job.status, func.count()).group_by(Job.kind, Job.status)
            for kind, status, n in session.execute(counted):
                gauge.add_metric((kind, status), n)
        yield gauge
