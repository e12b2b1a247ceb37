"""The description of the API, and its page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.http_app import API, Served, served


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def description(service: Served) -> dict[str, Any]:
    reply = await service.client.get("/schema/openapi.json")
    assert reply.headers["content-type"] == "application/vnd.oai.openapi+json"
    found: dict[str, Any] = reply.json()
    return found


async def test_every_call_is_described(description: dict[str, Any]) -> None:
    """With a summary, a description, an id, and problems where it can fail."""
    calls = {
        (method, path): call
        for path, methods in description["paths"].items()
        for method, call in methods.items()
    }
    documents = f"{API}/documents"
    assert set(calls) == {
        ("post", documents), ("get", documents), ("get", f"{documents}/{{document_id}}"),
        ("delete", f"{documents}/{{document_id}}"), ("get", f"{documents}/{{document_id}}/content"),
        ("put", f"{documents}/{{document_id}}"), ("get", f"{documents}/{{document_id}}/events"),
        ("post", f"{documents}/{{document_id}}/cancel"), ("post", f"{documents}/{{document_id}}/retry"),
        ("get", f"{documents}/{{document_id}}/text"), ("get", f"{documents}/{{document_id}}/chunks"),
        ("get", f"{documents}/{{document_id}}/pages/{{image}}"),
        ("post", f"{API}/query"), ("post", f"{API}/citations/verify"), ("post", f"{API}/recall"),
        ("get", "/livez"), ("get", "/readyz"),
    }  # fmt: skip
    assert len({call["operationId"] for call in calls.values()}) == len(calls)
    for (_, path), call in calls.items():
        assert call["summary"]
        assert call["description"]
        if path.startswith(API):
            problem = call["responses"]["400"]["content"]["application/problem+json"]["schema"]
            assert problem == {"$ref": "#/components/schemas/Problem"}


async def test_the_bodies_are_described(description: dict[str, Any]) -> None:
    """A question with its bounds, and a form with its file."""
    question = description["paths"][f"{API}/query"]["post"]["requestBody"]["content"]["application/json"]
    schema = question["schema"]
    # One of the two, which the schema of one object cannot say.
    assert {"question", "messages"} <= set(schema["properties"])
    assert schema["required"] == []
    assert schema["additionalProperties"] is False
    assert (schema["properties"]["top_k"]["minimum"], schema["properties"]["top_k"]["maximum"]) == (1, 100)
    for path, method in ((f"{API}/documents", "post"), (f"{API}/documents/{{document_id}}", "put")):
        call = description["paths"][path][method]
        form = call["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert set(form["properties"]) == {"file", "collection", "metadata", "password"}
        assert "Idempotency-Key" in {parameter["name"] for parameter in call["parameters"]}
        assert {"202", "200", "400", "413", "415", "422", "429", "503"} <= set(call["responses"])


async def test_the_events_are_described(description: dict[str, Any]) -> None:
    """Their data, the header to come back with, and the end."""
    call = description["paths"][f"{API}/documents/{{document_id}}/events"]["get"]
    schema = call["responses"]["200"]["content"]["text/event-stream"]["schema"]
    assert schema == {"$ref": "#/components/schemas/EventItem"}
    assert {"after", "Last-Event-ID"} <= {parameter["name"] for parameter in call["parameters"]}
    assert {"204", "404", "503"} <= set(call["responses"])


async def test_the_example_of_a_question_is_a_question(service: Served, description: dict[str, Any]) -> None:
    """What the page offers to send is accepted."""
    body = description["paths"][f"{API}/query"]["post"]["requestBody"]["content"]["application/json"]
    assert (await service.query(**body["example"])).status_code == 200


async def test_the_score_is_defined(description: dict[str, Any]) -> None:
    """Its range and its formula."""
    score = description["components"]["schemas"]["Source"]["properties"]["score"]["description"]
    assert "[0, 1]" in score
    assert "(1 + cosine" in score


async def test_references_lead_somewhere(description: dict[str, Any]) -> None:
    """Every `$ref` names a schema that is there."""
    names = set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(description)))
    assert names
    assert names <= set(description["components"]["schemas"])


async def test_the_description_comes_as_yaml_too(service: Served, description: dict[str, Any]) -> None:
    """With the same calls."""
    text = (await service.client.get("/schema/openapi.yaml")).text
    assert "openapi: 3.1.0" in text
    assert all(f"\n  {path}:\n" in text for path in description["paths"])


async def test_the_page_loads_from_this_server_alone(service: Served) -> None:
    """All that it names is here, and the browser is told to allow nothing else."""
    page = await service.client.get("/schema")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) >= 5
    for address in named:
        assert address.startswith("/schema/")
        assert (await service.client.get(address)).status_code == 200


async def test_files_of_the_page_are_sent_once(service: Served) -> None:
    """With an ETag."""
    reply = await service.client.get("/schema/assets/swagger-ui.css")
    assert reply.headers["content-type"] == "text/css; charset=utf-8"
    again = await service.client.get(
        "/schema/assets/swagger-ui.css", headers={"If-None-Match": reply.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["..%2Findex.html", "..%2F..%2Fapp.py", "LICENSE", "%2Fetc%2Fpasswd"])
async def test_no_other_file_is_sent(service: Served, name: str) -> None:
    """Only those that the page names."""
    assert (await service.client.get(f"/schema/assets/{name}")).status_code == 404


async def test_the_root_leads_to_the_page(service: Served) -> None:
    """For whoever opens the address in a browser."""
    reply = await service.client.get("/")
    assert (reply.status_code, reply.headers["location"]) == (302, "/schema")
