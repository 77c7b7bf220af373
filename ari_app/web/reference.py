"""The reference of the interface as a page: the OpenAPI description, put into HTML without any script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse

from ari_app.web.pages import page, tag

router = APIRouter(include_in_schema=False)
Schema = Mapping[str, Any]


@router.get("/")
def get_root() -> RedirectResponse:
    """Whoever comes by is shown what there is."""
    return RedirectResponse("/docs")


@router.get("/docs")
def get_reference(request: Request) -> HTMLResponse:
    """Every endpoint, its parameters and its body."""
    described: Schema = request.app.openapi()
    body = [
        tag("h1", f"The HTTP interface of {escape(described['info']['title'])}"),
        tag("p", _marked(described["info"]["description"]), class_="lead"),
    ]
    by_tag: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(method, path, operation, described))
    for name, operations in by_tag.items():
        body += [tag("h2", escape(name.capitalize())), *operations]
    return page("The HTTP interface", "".join(body))


def _operation(method: str, path: str, operation: Schema, described: Schema) -> str:
    line = (
        tag("span", method.upper(), class_=f"badge {method}")
        + tag("span", escape(path), class_="path")
        + tag("span", escape(operation["summary"]), class_="soft")
    )
    told = tag("p", _marked(operation.get("description", "")))
    rows = list(_parameters(operation)) + list(_body(operation, described))
    table = tag("table", "".join(rows)) if rows else ""
    answers = ", ".join(f"{code} {answer['description']}" for code, answer in operation["responses"].items())
    return tag(
        "details",
        tag("summary", line) + told + table + tag("p", escape(f"Answers: {answers}"), class_="why"),
        class_="card",
    )


def _parameters(operation: Schema) -> Iterator[str]:
    for one in operation.get("parameters", ()):
        place = f"in the {one['in']}" + (", required" if one.get("required") else "")
        yield _row(one["name"], f"{_type(one['schema'])}, {place}", one.get("description", ""))


def _body(operation: Schema, described: Schema) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for name in _names(content.get("schema", {})):
        schema = described["components"]["schemas"][name]
        yield tag("tr", tag("th", tag("b", escape(name)) + ": " + _marked(schema.get("description", "")), colspan="3"))
        required = schema.get("required", ())
        for field, of_field in schema.get("properties", {}).items():
            kind = _type(of_field) + (", required" if field in required else "")
            yield _row(field, kind, of_field.get("description", ""))


def _names(schema: Schema) -> Iterator[str]:
    """The components that a schema names."""
    for one in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        if "$ref" in one:
            yield one["$ref"].rsplit("/", 1)[-1]


def _type(schema: Schema) -> str:
    """A schema in a few words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"] if one.get("type") != "null"))
    if "const" in schema or "enum" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "anything")


def _row(name: str, kind: str, meaning: str) -> str:
    return tag(
        "tr",
        tag("td", tag("code", escape(name))) + tag("td", escape(kind), class_="soft") + tag("td", _marked(meaning)),
    )


def _marked(text: str) -> str:
    """Text with `code` in it, as HTML."""
    pieces = " ".join(text.split()).split("`")
    return "".join(tag("code", escape(piece)) if place % 2 else escape(piece) for place, piece in enumerate(pieces))
