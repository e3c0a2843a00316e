"""What tracking reads from its environment."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, HttpUrl, SecretStr

from waybill_carriers import CARRIERS
from waybill_chassis.settings import ServiceSettings
from waybill_tracking.domain.feeds import Kind


def _known(code: str) -> str:
    if all(carrier.code != code for carrier in CARRIERS):
        raise ValueError(f"no carrier has the code {code}; `waybill carriers list` names them")
    return code


class Registration(BaseModel):
    """Where a feed is asked to follow a number."""

    url: HttpUrl
    api_key: SecretStr | None = None
    """Sent as the user of HTTP Basic, as EasyPost wants it."""


class Feed(BaseModel):
    """A source of carrier messages: how its webhooks are written, and the secret that they are signed with."""

    kind: Kind
    secret: SecretStr
    carriers: tuple[Annotated[str, AfterValidator(_known)], ...] = ()
    """Codes of the carriers that it follows; none for any."""
    also: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")], ...] = ()
    """Codes of carriers of which labels are bought and that have no entry of their own: `simulated`."""
    register_at: Registration | None = None
    """Without it the feed follows numbers without being asked."""


class Settings(ServiceSettings):
    """Settings of tracking."""

    feeds: dict[str, Feed] = Field(default_factory=dict[str, Feed])
    """By name, which stands in the webhook's address: `{"easypost": {"kind": "easypost", "secret": "…"}}`."""

    def followed(self) -> Mapping[str, str]:
        """The feed that follows each carrier, by its code; under `""` the one that follows any."""
        found: dict[str, str] = {}
        for name, feed in self.feeds.items():
            for code in (*feed.carriers, *feed.also) or ("",):
                found.setdefault(code, name)
        return found
