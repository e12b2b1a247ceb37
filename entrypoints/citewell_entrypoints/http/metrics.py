"""What Prometheus may know of the API."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from citewell.caching import MemoryCache
from citewell.model import Answer, CachedReply
from citewell_entrypoints.endpoints import Endpoints
from citewell_entrypoints.gates import Gate
from citewell_entrypoints.http.endpoint_metrics import EndpointCollector
from citewell_entrypoints.http.siblings import Siblings, added_up, told

__all__ = ["Exposition", "Metrics", "show_metrics"]

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
#: Anyone can send any word as a method: only these become labels.
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Metrics:
    """The counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        # For each series one more, with the time when it began: nobody asks for them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("citewell_build", "What runs here", registry=self.registry).info(
            {"version": version("citewell"), "python": platform.python_version()}
        )
        labels = ("method", "route", "status")
        self._requests = Counter(
            "citewell_http_requests", "Requests that were answered", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "citewell_http_request_duration_seconds",
            "From the first byte of a request's head to the last of its reply",
            labels,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_progress = Gauge(
            "citewell_http_requests_in_progress", "Requests being answered", registry=self.registry
        )
        self._running = Gauge(
            "citewell_http_requests_running",
            "Requests that have their place among those that are worked on",
            ("class",),
            registry=self.registry,
        )
        self._waiting = Gauge(
            "citewell_http_requests_waiting",
            "Requests that wait for such a place",
            ("class",),
            registry=self.registry,
        )
        self._shed = Counter(
            "citewell_http_requests_shed",
            "Requests that were refused because too many came at once",
            ("class",),
            registry=self.registry,
        )
        self.uploaded_bytes = Counter(
            "citewell_upload_bytes", "Bytes of uploaded files that were accepted", registry=self.registry
        )
        self.refused_uploads = Counter(
            "citewell_refused_uploads",
            "Uploads that were refused because too much waited for its ingestion",
            registry=self.registry,
        )
        self.open_event_streams = Gauge(
            "citewell_event_streams", "Streams of events that are open", registry=self.registry
        )
        self.open_answer_streams = Gauge(
            "citewell_answer_streams", "Streams of answers that are open", registry=self.registry
        )
        self._questions = Counter(
            "citewell_questions", "Questions that were answered", registry=self.registry
        )
        self._sources = Counter(
            "citewell_sources", "Sources that questions were answered with", registry=self.registry
        )
        self._degraded = Counter(
            "citewell_degraded_answers",
            "Answers that went without a part that was away",
            ("part",),
            registry=self.registry,
        )
        self._cache_hits = Counter(
            "citewell_cache_hits",
            "Questions that got a kept reply, of this process or shared, or joined one that was being made",
            ("layer",),
            registry=self.registry,
        )
        self._hits_by_layer: dict[str, Counter] = {}
        self._cache_misses = Counter(
            "citewell_cache_misses", "Questions whose reply was not kept", registry=self.registry
        )
        self._recall = Gauge(
            "citewell_recall_at_10",
            "Share of the 10 nearest that the index finds, by the last sampled questions",
            ("collection",),
            registry=self.registry,
        )
        self._recall_samples = Counter(
            "citewell_recall_samples",
            "Questions that were held against an exact search",
            ("collection",),
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        key = (method, route, status)
        children = self._children.get(key)
        if children is None:
            labels = (method if method in _METHODS else "OTHER", route, str(status))
            children = (self._requests.labels(*labels), self._seconds.labels(*labels))
            if method in _METHODS:
                self._children[key] = children
        counter, histogram = children
        counter.inc()
        histogram.observe(seconds)

    def watch_gate(self, name: str, gate: Gate) -> Counter:
        """Show how many are behind a gate and before it; what counts those that were refused there."""
        self._running.labels(name).set_function(lambda: gate.running)
        self._waiting.labels(name).set_function(lambda: gate.waiting)
        return self._shed.labels(name)

    def sampled_recall(self, collection: str, mean: float) -> None:
        """One more question was held against an exact search; the mean of the last ones."""
        self._recall.labels(collection).set(mean)
        self._recall_samples.labels(collection).inc()

    def watch_cache(self, cache: MemoryCache) -> None:
        """Tell what the process's cache of replies holds."""
        self.registry.register(_CacheCollector(cache))

    def watch_endpoints(self, endpoints: Endpoints) -> None:
        """Tell how the endpoints do that questions wait for."""
        self.registry.register(EndpointCollector(endpoints))

    def looked_up(self, reply: CachedReply) -> None:
        """A question got a reply by way of the cache; what was made for it is told by `asked`."""
        layer = "joined" if reply.joined else reply.layer
        if layer is not None:
            if (hits := self._hits_by_layer.get(layer)) is None:
                hits = self._hits_by_layer[layer] = self._cache_hits.labels(layer)
            hits.inc()
            self._questions.inc()
            self._sources.inc(reply.sources)
        else:
            self._cache_misses.inc()

    def asked(self, answer: Answer) -> None:
        """A question got this answer."""
        self._questions.inc()
        self._sources.inc(len(answer.hits))
        for part in answer.degraded:
            self._degraded.labels(part).inc()


class _CacheCollector(Collector):
    """Reads the cache when somebody looks."""

    def __init__(self, cache: MemoryCache) -> None:
        self._cache = cache

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "citewell_cache_bytes", "Memory for kept replies", value=self._cache.bytes_held
        )
        yield CounterMetricFamily(
            "citewell_cache_evictions",
            "Kept replies that made room for others",
            value=self._cache.evictions,
        )


class _Families(Collector):
    """Metrics that were collected."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


class Exposition:
    """The metrics of all API processes that belong together, whichever of them is asked."""

    def __init__(self, metrics: Metrics, siblings: Siblings | None) -> None:
        self._metrics = metrics
        self._siblings = siblings

    async def __call__(self, accept: str) -> tuple[bytes, str]:
        """As the reader of this Accept header likes them, and their media type."""
        encode, media_type = choose_encoder(accept)
        registry = self._metrics.registry
        others = await self._siblings.families() if self._siblings else []
        if not others:
            return encode(registry), media_type
        together = CollectorRegistry()
        together.register(_Families(added_up([told(registry), *others])))
        return encode(together), media_type


@get("/metrics", include_in_schema=False)
async def show_metrics(
    request: Request[Any, Any, Any], exposition: NamedDependency[Exposition]
) -> Response[bytes]:
    """The counters of the API, for Prometheus."""
    body, media_type = await exposition(request.headers.get("accept", ""))
    # As a header: the framework would add a second charset to a media type.
    return Response(body, headers={"Content-Type": media_type})
