"""Who looks and acts."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Header, Request

from waybill_chassis.problems import Problem
from waybill_portal.clients import Viewer
from waybill_portal.settings import Settings

Who = Callable[..., Awaitable[Viewer]]


def viewer(settings: Settings) -> Who:
    """A dependency that says who looks: the service's token, else the demo operator where that is allowed."""

    async def read(
        request: Request,
        authorization: Annotated[str, Header()] = "",
        sec_fetch_site: Annotated[str, Header()] = "",
    ) -> Viewer:
        token = settings.token.get_secret_value()
        if authorization:
            if not secrets.compare_digest(authorization.removeprefix("Bearer ").encode(), token.encode()):
                raise Problem(401, "unauthorized", "Send the portal's token as `Authorization: Bearer …`, or none.")
            return Viewer("token:service")
        if not settings.demo_operator:
            raise Problem(
                403,
                "no-login",
                "Logins come in a later release. On a machine of your own set WAYBILL_DEMO_OPERATOR=true.",
            )
        if request.method not in {"GET", "HEAD"} and sec_fetch_site not in {"", "same-origin", "none"}:
            raise Problem(403, "cross-site", "This came from another site's page. Open the portal and do it there.")
        return Viewer("person:demo-operator")

    return read
