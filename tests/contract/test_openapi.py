"""What every service's OpenAPI document must tell: examples, problems, and a key for each command."""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from waybill_cli.home import SERVICES

Operation = tuple[str, dict[str, Any]]
KEYLESS = ("/webhook", "/feeds/")
"""What others send us, each change with a key of its own."""


def document(service: str) -> dict[str, Any]:
    settings = importlib.import_module(f"waybill_{service}.settings").Settings
    nowhere = "postgresql+asyncpg://nobody@127.0.0.1:1/none"
    build = importlib.import_module(f"waybill_{service}.app").build
    found: dict[str, Any] = build(settings(database_url=nowhere, kafka="127.0.0.1:1", token="t", port=1)).openapi()
    return found


def operations(of: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in of["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.parametrize("service", SERVICES)
def test_each_operation_says_what_it_does_and_that_it_may_answer_a_problem(service: str) -> None:
    found = dict(operations(document(service)))

    assert found
    for name, operation in found.items():
        assert operation.get("description"), name
        for status in ("4XX", "503"):
            problem = operation["responses"][status]["content"]["application/problem+json"]
            assert problem["example"]["type"].startswith("urn:waybill:problem:"), name


@pytest.mark.parametrize("service", SERVICES)
def test_each_body_has_an_example_that_its_schema_takes(service: str) -> None:
    of = document(service)
    for name, operation in operations(of):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"]
            if "$ref" in schema:
                schema = of["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            examples = [content["example"]] if "example" in content else schema["examples"]
            assert examples, name
            for example in examples:
                Draft202012Validator({**schema, "components": of.get("components", {})}).validate(example)


@pytest.mark.parametrize("service", SERVICES)
def test_each_command_takes_an_idempotency_key(service: str) -> None:
    for name, operation in operations(document(service)):
        if name.startswith("POST") and not any(part in name for part in KEYLESS):
            headers = {each["name"].lower() for each in operation.get("parameters", []) if each["in"] == "header"}
            assert "idempotency-key" in headers, name
