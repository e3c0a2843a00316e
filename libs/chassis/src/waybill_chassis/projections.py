"""What an operator asks of a projection: its generations, a plan for another one, and to drop one that is done with."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends

from waybill_chassis import generations
from waybill_chassis.commands import Call, caller
from waybill_chassis.ops import Why
from waybill_chassis.problems import Problem
from waybill_chassis.reading import Intervention, record

if TYPE_CHECKING:
    from waybill_chassis.service import Service


def routes(service: "Service") -> APIRouter:
    """For a service whose database has generations."""
    called: Callable[..., Awaitable[Call]] = caller(service.settings.token.get_secret_value())
    router = APIRouter(prefix="/ops/v1/projection", include_in_schema=False, dependencies=[Depends(called)])

    @router.get("/generations")
    async def get_generations() -> dict[str, Any]:
        """All that there are, oldest first."""
        async with service.database.begin() as connection:
            return {"service": service.name, "generations": await generations.every(connection)}

    @router.post("/plan")
    async def post_plan(body: Why, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """Make an empty generation, or find the one that was begun; what it is to be built from."""
        read = sorted({name for consumer in service.consumers.values() for name in consumer.topics})
        try:
            planned = await generations.plan(
                service.database, f"waybill_{service.name}", service.settings.kafka, read, f"{service.name}_rebuild"
            )
        except LookupError as error:
            raise Problem(409, "no-rebuild-role", f"{error}.") from error
        async with service.database.begin() as connection:
            by = Intervention(call.actor, body.why)
            await record(connection, by, "projection-plan", None, {"name": planned.name, "hash": planned.hash})
        return asdict(planned)

    @router.post("/generations/{name}/drop")
    async def post_drop(name: str, body: Why, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """Remove one that is not the live one."""
        try:
            async with service.database.begin() as connection:
                await generations.drop(connection, name)
                await record(connection, Intervention(call.actor, body.why), "projection-drop", None, {"name": name})
        except generations.NoGeneration as error:
            raise Problem(
                409, "no-such-generation", f"{error}. `waybill projection list {service.name}` says which there are."
            ) from error
        return {"dropped": name}

    return router
