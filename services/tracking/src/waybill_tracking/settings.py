"""What tracking reads from its environment."""

from pydantic import BaseModel, Field, SecretStr

from waybill_chassis.settings import ServiceSettings
from waybill_tracking.domain.feeds import Kind


class Feed(BaseModel):
    """A source of carrier messages: how its webhooks are written, and the secret that they are signed with."""

    kind: Kind
    secret: SecretStr


class Settings(ServiceSettings):
    """Settings of tracking."""

    feeds: dict[str, Feed] = Field(default_factory=dict[str, Feed])
    """By name, which stands in the webhook's address: `{"easypost": {"kind": "easypost", "secret": "…"}}`."""
