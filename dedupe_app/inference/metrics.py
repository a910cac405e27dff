"""What the service tells Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """Its own registry, so that two services in one process do not meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "keepone_inference_requests", "Requests by status.", ["status"], registry=self._registry
        )
        self.pictures = Counter("keepone_inference_pictures", "Pictures that got a vector.", registry=self._registry)
        self.waiting = Gauge("keepone_inference_waiting", "Pictures in the queue.", registry=self._registry)
        self.seconds = Histogram("keepone_inference_seconds", "Seconds of a request.", registry=self._registry)
        self.forward = Histogram("keepone_inference_forward_seconds", "Seconds of a batch.", registry=self._registry)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self._registry)
