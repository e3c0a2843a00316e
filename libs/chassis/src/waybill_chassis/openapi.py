"""What an operation's OpenAPI document says that its signature cannot: examples, and bodies that are no JSON model."""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict


def example(**values: Any) -> ConfigDict:
    """A body model's configuration: it takes no field that it does not know, and shows what one looks like."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


def takes(example: Mapping[str, Any] | str, media_type: str) -> dict[str, Any]:
    """The body of an operation that reads it as it is, and an example of it."""
    schema = {"type": "string" if isinstance(example, str) else "object"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema, "example": example}}}}


def gives(media_type: str) -> dict[int | str, dict[str, Any]]:
    """The answer of an operation that is a document."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": "The document.", "content": {media_type: {"schema": schema}}}}
