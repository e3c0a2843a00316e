"""What every service that raises exceptions is told to close one."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from waybill_chassis.openapi import example


class Choice(BaseModel):
    """How an exception is settled."""

    model_config = example(choice="return", comment="the customer sends it back")

    choice: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    comment: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^[^\x00]*$")] = ""
