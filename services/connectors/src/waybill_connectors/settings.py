"""What connectors reads from its environment."""

from typing import Annotated

from pydantic import Field

from waybill_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of connectors."""

    body_limit: Annotated[int, Field(ge=1024)] = 2_000_000
    """The largest webhook body, in bytes."""
