"""What fulfillment reads from its environment."""

from waybill_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of fulfillment."""

    import_limit: int = 16_000_000
    """The largest file of tracking numbers, in bytes; it holds 50,000 rows in any encoding."""
