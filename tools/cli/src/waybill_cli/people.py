"""`waybill people`: who may log in to the portal; the first operator of a new Waybill is let in here."""

from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.table import Table

from waybill_cli.services import Services
from waybill_cli.terminal import AsJson, fail, out, plain_errors, print_json, this_home

commands = typer.Typer(help="People who may log in to the portal.", no_args_is_help=True)
Email = Annotated[str, typer.Argument(help="The person's mail address.")]


@commands.command("list")
def every(*, as_json: AsJson = False) -> None:
    """List everybody, and what they are to which brand."""
    with plain_errors():
        desk = Services(this_home())
        people, brands = _people(desk), _brands(desk)
    if as_json:
        for each in people:
            print_json(each)
        return
    table = Table("Name", "Mail", "Is", "", box=None)
    for each in people:
        roles = [f"{role} of {brands.get(brand_id, brand_id)}" for brand_id, role in each["roles"].items()]
        notes = ["locked out"] if each["disabled"] else [] if each["has_password"] else ["has not logged in yet"]
        is_ = ["operator", *roles] if each["is_operator"] else roles
        table.add_row(each["name"], each["email"], ", ".join(is_), ", ".join(notes))
    out.print(table)


@commands.command("let-in")
def let_in(
    email: Email,
    role: Annotated[str, typer.Option(help="viewer, packer or manager of a brand; or operator of all.")],
    *,
    name: Annotated[str, typer.Option(help="What the person is called; default: the mail address.")] = "",
    brand: Annotated[str | None, typer.Option(help="The brand, by its name or id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let somebody in, and print the link to choose a password with, unless there is one already."""
    with plain_errors():
        desk = Services(this_home())
        body = {"email": email, "name": name or email, "role": role}
        if brand is not None:
            body["brand_id"] = _brand(desk, brand)
        found = desk.api("portal", "PUT", f"/people/{uuid4()}", body=body)
        _tell(desk, found["link"], as_json=as_json)


@commands.command("link")
def link(email: Email, *, as_json: AsJson = False) -> None:
    """Print a new link to choose a password with, for somebody who has forgotten it."""
    with plain_errors():
        desk = Services(this_home())
        made = desk.api("portal", "PUT", f"/people/{_person(desk, email)['person_id']}/link")
        _tell(desk, made, as_json=as_json)


@commands.command("lock")
def lock(email: Email, *, again: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False) -> None:
    """Lock somebody out, at once; or let them in again."""
    with plain_errors():
        desk = Services(this_home())
        person = _person(desk, email)
        desk.api("portal", "PUT", f"/people/{person['person_id']}/disabled", body={"disabled": not again})
    out.print(f"{person['name']} is {'let in again' if again else 'locked out'}.")


def _tell(desk: Services, made: dict[str, Any] | None, *, as_json: bool) -> None:
    url = None if made is None else f"{desk.home.url('portal')}{made['path']}"
    if as_json:
        print_json({"link": url, "expires_at": None if made is None else made["expires_at"]})
    elif url is None:
        out.print("Done. There is a password already.")
    else:
        out.print("Hand this link over; it is good once, for a week:")
        out.print(url, soft_wrap=True, highlight=False, markup=False)


def _people(desk: Services) -> list[dict[str, Any]]:
    found: Any = desk.api("portal", "GET", "/people")
    return list(found)


def _person(desk: Services, email: str) -> dict[str, Any]:
    found = next((each for each in _people(desk) if each["email"] == email.strip().lower()), None)
    if found is None:
        fail(f"Nobody has the mail address {email}. `waybill people list` says who is let in.")
    return found


def _brands(desk: Services) -> dict[str, str]:
    found: Any = desk.api("portal", "GET", "/brands")
    return {each["brand_id"]: each["name"] for each in found}


def _brand(desk: Services, wanted: str) -> str:
    known = _brands(desk)
    named = [brand_id for brand_id, name in known.items() if wanted.lower() in {name.lower(), brand_id}]
    if len(named) != 1:
        among = ", ".join(f"{name} ({brand_id})" for brand_id, name in known.items()) or "none yet"
        fail(f"Which brand is {wanted!r}? Give its name or its id. There are {among}.")
    return named[0]
