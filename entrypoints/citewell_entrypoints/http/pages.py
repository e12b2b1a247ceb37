"""The description of the API, and pages that show it without asking any other host."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from litestar import Request, Response, Router, get
from litestar.datastructures import ResponseHeader
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Tag
from litestar.params import FromPath
from litestar.response import Redirect

from citewell_entrypoints.http.ranges import is_current

__all__ = ["openapi_config", "show_home"]

_STATIC: Final = files("citewell_entrypoints.http") / "static"
_ASSETS: Final = {
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
    "favicon-32x32.png": ("swagger-ui/favicon-32x32.png", "image/png"),
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css"),
}
#: What the browser is to hold the pages to.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DESCRIPTION: Final = """
Upload documents, ask questions, get the passages that answer them, each with a score and an exact citation.

Errors are `application/problem+json` (RFC 9457): `type` names the kind and never changes its meaning,
`detail` says what to do. Every reply carries an `X-Request-ID`, the caller's own if it sends one; log lines
name it.
"""


class _Page(OpenAPIRenderPlugin):
    """Swagger UI from our own files."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        return (_STATIC / "index.html").read_bytes()


@get("/assets/{name:str}", sync_to_thread=False)
def show_asset(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """A file of the pages."""
    if name not in _ASSETS:
        raise NotFoundException
    content, etag = _asset(name)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if is_current(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(content, media_type=_ASSETS[name][1], headers=headers)


@cache
def _asset(name: str) -> tuple[bytes, str]:
    content = _STATIC.joinpath(_ASSETS[name][0]).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


@get("/", include_in_schema=False, status_code=302, sync_to_thread=False)
def show_home() -> Redirect:
    """Whoever opens the address in a browser finds the description of the API."""
    return Redirect("/schema")


def _refuse_unknown(response: Response[Any]) -> Response[Any]:
    # The framework answers unknown paths below /schema with a page of its own instead of a problem.
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response


def openapi_config() -> OpenAPIConfig:
    """`/schema` with a page, `/schema/openapi.json` and `/schema/openapi.yaml`."""
    router = Router(
        "/schema",
        route_handlers=[show_asset],
        include_in_schema=False,
        after_request=_refuse_unknown,
        response_headers=[ResponseHeader(name="Content-Security-Policy", value=_POLICY)],
    )
    return OpenAPIConfig(
        title="Citewell",
        version=version("citewell"),
        description=_DESCRIPTION.strip(),
        use_handler_docstrings=True,
        openapi_router=router,
        render_plugins=[_Page(path="/"), JsonRenderPlugin(), YamlRenderPlugin()],
        tags=[
            Tag("documents", "Upload documents, follow their ingestion, read what is in them"),
            Tag("search", "Ask questions"),
            Tag("health", "For supervisors and load balancers"),
        ],
    )
