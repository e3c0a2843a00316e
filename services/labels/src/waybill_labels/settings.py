"""What labels reads from its environment."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, HttpUrl, Secret, SecretStr, model_validator

from waybill_chassis.settings import ServiceSettings


class Account(BaseModel):
    """What all accounts with carriers have."""

    deadline_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Seconds until a call counts as unanswered."""
    settles_s: Annotated[float, Field(ge=0, le=600)] = 15.0
    """Seconds after which an unanswered purchase can be found in the carrier's books, or was not made."""


class SimulatedAccount(Account):
    """With the simulated carrier."""

    kind: Literal["simulated"]
    url: HttpUrl
    api_key: SecretStr


class KarrioAccount(Account):
    """With a carrier that karrio speaks to, under karrio's name of it."""

    kind: Literal["karrio"]
    carrier: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
    connection: Secret[dict[str, Any]]
    """What karrio asks for to connect: `{"client_id": "…", "client_secret": "…", "account_number": "…"}` for `ups`."""
    url: HttpUrl | None = None
    """Where to call instead of at the carrier's own address."""


class Settings(ServiceSettings):
    """Settings of labels."""

    carriers: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")],
        Annotated[SimulatedAccount | KarrioAccount, Field(discriminator="kind")],
    ] = Field(default_factory=dict[str, SimulatedAccount | KarrioAccount])
    """By our code of the carrier: `{"simulated": {"kind": "simulated", "url": "…", "api_key": "…"}}`."""
    lease_s: Annotated[float, Field(gt=0)] = 60.0
    """Seconds after which somebody else takes up a label whose worker has not said what became of it; longer than all
    calls to its carrier together."""

    @model_validator(mode="after")
    def _outlives_its_calls(self) -> Self:
        for code, account in self.carriers.items():
            if self.lease_s < (least := 2 * account.deadline_s + account.settles_s):
                raise ValueError(
                    f"lease_s must be {least:g} at least: twice the deadline of {code} and what it settles in"
                )
        return self
