"""What the portal reads from its environment."""

from waybill_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the portal."""

    fulfillment_url: str = "http://127.0.0.1:8702"
    """Where commands on quantities go."""
    labels_url: str = "http://127.0.0.1:8704"
    """Where documents come from."""
    connectors_url: str = "http://127.0.0.1:8701"
    """These three are asked what stands still in them, for the operators' pages."""
    orders_url: str = "http://127.0.0.1:8703"
    tracking_url: str = "http://127.0.0.1:8705"
    import_limit: int = 16_000_000
    """The largest file of tracking numbers that is passed on, in bytes."""
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    """The names that a browser may call this portal by; others are refused, so that no foreign name leads here."""
