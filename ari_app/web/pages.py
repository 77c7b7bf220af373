"""What our pages have in common: a frame, escaping, and the two files that they load."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from ari_app.web.front import OWN_LOADED

router = APIRouter(include_in_schema=False)

_STATIC = {"pages.css": "text/css", "inbox.js": "text/javascript"}
_KEPT = {"Cache-Control": "private, max-age=300"}


def tag(name: str, content: str = "", **attributes: str) -> str:
    """An element; ``content`` is HTML already, attributes are not. ``class_`` is written for ``class``."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{given}>{content}</{name}>"


def page(title: str, body: str, *, head: str = "", status: int = 200) -> HTMLResponse:
    """A whole page. ``body`` and ``head`` are HTML, ``title`` is not."""
    html = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/static/pages.css">{head}</head>'
        f"<body>{body}</body></html>\n"
    )
    return HTMLResponse(html, status, {"Content-Security-Policy": OWN_LOADED})


@router.get("/static/{name}")
def get_static(name: str) -> Response:
    """One of our files, by its whole name."""
    if name not in _STATIC:
        return Response(status_code=404)
    content = files("ari_app.web").joinpath("static", name).read_bytes()
    return Response(content, media_type=_STATIC[name], headers=_KEPT)
