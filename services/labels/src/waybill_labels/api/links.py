"""Documents that are kept, by links that expire and belong to one brand."""

import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import StringConstraints

from waybill_chassis.commands import Call, caller
from waybill_chassis.database import Database
from waybill_chassis.openapi import gives
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_labels import store
from waybill_labels.api.documents import answer
from waybill_labels.documents import PDF
from waybill_labels.settings import Settings

LINK: Final = timedelta(minutes=15)
"""How long a link works."""


class Links:
    """Signs links to documents, each of one brand, until a time."""

    def __init__(self, secret: str) -> None:
        self.key = sha256(b"links to documents|" + secret.encode()).digest()

    def signature(self, brand_id: UUID, digest: str, until: int) -> str:
        """Of a link that works until then, in seconds since 1970."""
        return hmac.new(self.key, f"{brand_id}|{digest}|{until}".encode(), sha256).hexdigest()

    def good(self, brand_id: UUID, digest: str, until: int, signature: str) -> bool:
        """Whether it was made here."""
        return hmac.compare_digest(self.signature(brand_id, digest, until).encode(), signature.encode())

    def link(self, brand_id: UUID, digest: str) -> dict[str, Any]:
        """A new one."""
        until = int((datetime.now(UTC) + LINK).timestamp())
        query = f"until={until}&signature={self.signature(brand_id, digest, until)}"
        return {
            "url": f"/api/v1/documents/{brand_id}/{digest}?{query}",
            "expires_at": datetime.fromtimestamp(until, UTC).isoformat(),
        }


def routes(database: Database, settings: Settings, links: Links) -> APIRouter:
    """What links lead to."""
    router = api_router("/api/v1")
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    @router.get("/documents/{brand_id}/{digest}", response_class=Response, responses=gives(PDF))
    async def get_document(
        brand_id: UUID,
        digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")],
        call: Annotated[Call, Depends(called)],
        until: Annotated[int, Query(ge=0, le=2**40)],
        signature: Annotated[str, Query(max_length=64)],
    ) -> Response:
        """A document by a link that was given for it."""
        if not links.good(brand_id, digest, until, signature):
            raise Problem(403, "bad-link", "This link was not given here. Open the batch and take its link.")
        if until < datetime.now(UTC).timestamp():
            raise Problem(410, "link-expired", "This link has expired. Open the batch again and take its new one.")
        async with database.begin(call.brand) as connection:
            document = await store.documents.find(connection, brand_id, digest)
        if document is None:
            says = "This document is not kept any more, or somebody on it was erased. Print it again."
            raise Problem(410, "document-gone", says)
        return answer(document.content, document.media_type, f"batch-{digest[:8]}")

    return router
