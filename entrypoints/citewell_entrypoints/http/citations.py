"""Citations, held against what is stored."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency

from citewell.errors import StoreUnavailable
from citewell.usecases import VerifyCitations
from citewell_entrypoints.http.bodies import read_json
from citewell_entrypoints.http.citation_schemas import CitationCheckItem, VerifyReply, VerifyRequest
from citewell_entrypoints.http.descriptions import VerifyOperation, problems
from citewell_entrypoints.http.problems import (
    BODY_TOO_SLOW,
    CONTENT_TOO_LARGE,
    INVALID_REQUEST,
    FieldError,
    HttpProblem,
)

__all__ = ["verify_citations"]

_decoder: Final = msgspec.json.Decoder(VerifyRequest)


@post(
    "/citations/verify",
    status_code=200,
    tags=["search"],
    operation_id="verifyCitations",
    summary="Verify citations",
    operation_class=VerifyOperation,
    response_description="One check for each citation, in their order",
    responses=problems(INVALID_REQUEST, BODY_TOO_SLOW, CONTENT_TOO_LARGE, StoreUnavailable),
)
async def verify_citations(
    request: Request[Any, Any, Any], citation_verifier: NamedDependency[VerifyCitations]
) -> VerifyReply:
    """Read the stored text again, and say of each citation whether its quote stands at its span.

    Citations of an answer can be sent as they are; document, `sha256`, `span` and `quote` are enough. The
    comparison is to the letter. Only the live revision of a document has its text stored.
    """
    asked = await read_json(request.receive, _decoder)
    quotations = []
    for number, citation in enumerate(asked.citations):
        try:
            quotations.append(citation.quotation())
        except ValueError:
            error = FieldError(
                source="body", field=f"citations[{number}].span", message="ends before it begins"
            )
            raise HttpProblem(INVALID_REQUEST, f"`{error.field}`: {error.message}.", errors=[error]) from None
    checks = await citation_verifier(quotations)
    return VerifyReply([CitationCheckItem.of(check) for check in checks])
