"""What every service reads from its environment (`WAYBILL_…`)."""

from typing import Annotated

from pydantic import Field, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Settings that all services share; a service adds its own in a subclass."""

    model_config = SettingsConfigDict(env_prefix="WAYBILL_", extra="ignore", frozen=True)

    database_url: Annotated[PostgresDsn, Field(description="postgresql+asyncpg://…, a role of this service alone")]
    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers, host:port separated by commas."""
    token: SecretStr
    """What callers send as `Authorization: Bearer …`."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """The HTTP port."""
    host: str = "127.0.0.1"
    """The address that HTTP binds to."""
    outbox_limit: Annotated[int, Field(ge=1)] = 50_000
    """Rows in the outbox from which on consumers pause and commands answer 503."""
    batch_records: Annotated[int, Field(ge=1)] = 500
    """The most records that one transaction takes in."""
    waiting_limit_s: Annotated[float, Field(gt=0)] = 3600.0
    """Seconds that an early event may wait, counted while the topic it waits for is read to its end."""
    log_level: str = "info"
