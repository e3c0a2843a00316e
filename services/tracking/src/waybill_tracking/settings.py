"""What tracking reads from its environment."""

from waybill_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of tracking."""
