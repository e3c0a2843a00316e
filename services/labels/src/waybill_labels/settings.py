"""What labels reads from its environment."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, HttpUrl, SecretStr, model_validator

from waybill_chassis.settings import ServiceSettings


class Account(BaseModel):
    """An account with a carrier."""

    kind: Literal["simulated"]
    url: HttpUrl
    api_key: SecretStr
    deadline_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Seconds until a call counts as unanswered."""
    settles_s: Annotated[float, Field(ge=0, le=600)] = 15.0
    """Seconds after which an unanswered purchase can be found in the carrier's books, or was not made."""


class Settings(ServiceSettings):
    """Settings of labels."""

    carriers: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")], Account] = Field(
        default_factory=dict[str, Account]
    )
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
