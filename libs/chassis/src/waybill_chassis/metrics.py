"""Prometheus metrics of one process, in a registry of its own."""

from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

CONTENT_TYPE: Final = "text/plain; version=1.0.0; charset=utf-8"


class Metrics:
    """What every service measures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.outbox = Gauge("waybill_outbox_rows", "Events waiting to be sent", registry=self.registry)
        self.outbox_age = Gauge(
            "waybill_outbox_age_seconds", "Age of the oldest event waiting to be sent", registry=self.registry
        )
        self.parked = Gauge("waybill_parked_subjects", "Subjects that stand still", registry=self.registry)
        self.waiters = Gauge("waybill_waiting_events", "Early events kept", registry=self.registry)
        self.dead_letters = Gauge("waybill_dead_letters", "Records that did not decode", registry=self.registry)
        self.lag = Gauge("waybill_consumer_lag_records", "Records not taken in yet", ["group"], registry=self.registry)
        self.hop = Histogram(
            "waybill_hop_seconds",
            "From the record's time in the log to the commit of the batch that took it in",
            ["group"],
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
            registry=self.registry,
        )

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
