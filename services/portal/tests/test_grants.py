"""Who may let whom in, to what."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from waybill_portal.domain import grants
from waybill_portal.domain.grants import Grant, NoSense, NotAllowed, NotSo, Person, Refused, Unknown
from waybill_portal.domain.people import SCOPES, Role, Scope, Viewer

ACORN, BIRCH = UUID(int=1), UUID(int=2)
PAT = Person(UUID(int=7), "pat@acorn.example", "Pat", False, False, True, {ACORN: Role.PACKER})
SHARED = replace(PAT, roles={ACORN: Role.VIEWER, BIRCH: Role.MANAGER})
OLGA = replace(PAT, is_operator=True)
STRANGER = replace(PAT, roles={BIRCH: Role.PACKER})
ANN = Viewer("person:ann", ACORN, SCOPES[Role.MANAGER])
ZOE = Viewer("person:zoe", None, SCOPES[Role.OPERATOR])
AT_ACORN = replace(ZOE, brand=ACORN)
PAT_HERSELF = replace(ANN, actor=f"person:{PAT.person_id}")


@pytest.mark.parametrize(
    ("viewer", "known", "role", "brand", "becomes"),
    [
        (ANN, None, Role.PACKER, None, Grant(ACORN, Role.PACKER, False)),
        (ANN, None, Role.PACKER, ACORN, Grant(ACORN, Role.PACKER, False)),
        (ZOE, None, Role.VIEWER, BIRCH, Grant(BIRCH, Role.VIEWER, False)),
        (AT_ACORN, None, Role.VIEWER, None, Grant(ACORN, Role.VIEWER, False)),
        (ZOE, PAT, Role.MANAGER, BIRCH, Grant(BIRCH, Role.MANAGER, False)),
        (ZOE, None, Role.OPERATOR, None, Grant(None, Role.OPERATOR, False)),
        (ZOE, PAT, Role.OPERATOR, None, Grant(None, Role.OPERATOR, True)),
        (ZOE, OLGA, Role.OPERATOR, None, Grant(None, Role.OPERATOR, False)),
    ],
)
def test_somebody_who_is_let_in_becomes(
    viewer: Viewer, known: Person | None, role: Role, brand: UUID | None, becomes: Grant
) -> None:
    assert grants.let_in(viewer, known, role, brand) == becomes


@pytest.mark.parametrize(
    ("decide", "refused"),
    [
        (lambda: grants.let_in(ANN, None, Role.PACKER, BIRCH), NotAllowed),
        (lambda: grants.let_in(AT_ACORN, None, Role.PACKER, BIRCH), NotAllowed),
        (lambda: grants.let_in(ANN, None, Role.OPERATOR, None), NotAllowed),
        (lambda: grants.let_in(ANN, PAT, Role.PACKER, None), NotSo),
        (lambda: grants.let_in(ANN, OLGA, Role.VIEWER, None), NotSo),
        (lambda: grants.let_in(PAT_HERSELF, PAT, Role.MANAGER, None), NotSo),
        (lambda: grants.let_in(ZOE, None, Role.PACKER, None), NoSense),
        (lambda: grants.change_role(ANN, STRANGER, ACORN, Role.PACKER), Unknown),
        (lambda: grants.change_role(ANN, SHARED, BIRCH, Role.PACKER), NotAllowed),
        (lambda: grants.change_role(ANN, PAT, ACORN, Role.OPERATOR), NoSense),
        (lambda: grants.change_role(PAT_HERSELF, PAT, ACORN, None), NotSo),
        (lambda: grants.make_link(ANN, STRANGER), Unknown),
        (lambda: grants.make_link(ANN, SHARED), NotAllowed),
        (lambda: grants.make_link(ANN, OLGA), NotAllowed),
        (lambda: grants.shut_out(PAT_HERSELF, PAT), NotSo),
        (lambda: grants.token_of(ANN, {Scope.OPERATE}, None), NotAllowed),
        (lambda: grants.token_of(ANN, {Scope.READ}, BIRCH), NotAllowed),
        (lambda: grants.token_of(AT_ACORN, {Scope.OPERATE}, None), NoSense),
        (lambda: grants.token_of(ZOE, {Scope.OPERATE}, BIRCH), NoSense),
    ],
)
def test_what_is_refused(decide: Callable[[], Any], refused: type[Refused]) -> None:
    with pytest.raises(refused):
        decide()


@pytest.mark.parametrize(
    ("role", "go"), [(None, True), (Role.VIEWER, True), (Role.PACKER, True), (Role.MANAGER, False)]
)
def test_programs_go_with_who_manages_no_more(role: Role | None, go: bool) -> None:  # a parameter of the test
    assert grants.change_role(ANN, PAT, ACORN, role) is go


def test_a_program_may_always_read_and_is_of_the_brand_that_is_looked_at() -> None:
    assert grants.token_of(ANN, {Scope.SHIP}, None) == (ACORN, (Scope.READ, Scope.SHIP))
    assert grants.token_of(ZOE, {Scope.OPERATE}, None) == (None, (Scope.OPERATE, Scope.READ))


def test_a_brand_sees_its_own_role_of_somebody_alone() -> None:
    assert SHARED.as_seen_by(ANN).roles == {ACORN: Role.VIEWER}
    assert SHARED.as_seen_by(ZOE).roles == SHARED.roles
