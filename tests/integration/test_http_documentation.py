"""The documentation: a valid OpenAPI document that tells the truth, and a page that needs nothing but itself."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from starlette.routing import Route

from adapters.http.documentation_page import documentation_page
from adapters.http.errors import ErrorStyle
from adapters.http.rate_limit import RateLimit
from tests.integration.http_service import STATEMENT, WALLET, AwayReader, HttpService, http_service, is_up
from tests.scenario import ALICE, BOB, CAROL, topup, transaction_id, transfer
from wallet_core.ledger import EntryKind

SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)


@pytest.fixture
def service() -> Iterator[HttpService]:
    """Run the service with two wallets and a little history."""
    with http_service() as running:
        running.scenario.open(ALICE, BOB)
        running.scenario.fund(ALICE, 100)
        running.scenario.post_one(transfer(transaction_id(2), ALICE, BOB, 25).but(description="Lunch"))
        yield running


def document_of(service: HttpService) -> dict[str, Any]:
    """Fetch the OpenAPI document."""
    document: dict[str, Any] = service.get("/openapi.json").json()
    return document


def assert_documented(document: dict[str, Any], path: str, status: int, body: object) -> None:
    """Hold a body against what the document says about this path and status."""
    response = document["paths"][path]["get"]["responses"][str(status)]
    schema = {**response["content"]["application/json"]["schema"], "components": document["components"]}
    OAS31Validator(schema, format_checker=OAS31Validator.FORMAT_CHECKER).validate(body)


@pytest.mark.parametrize("style", ["documented", "v1"])
def test_the_document_is_valid(style: ErrorStyle) -> None:
    """The document is OpenAPI 3.1, whichever shape errors have."""
    with http_service(error_style=style) as service:
        document = document_of(service)

    assert "3.1.0" == document["openapi"]
    validate(document)


def test_every_path_is_documented(service: HttpService) -> None:
    """Whatever can be asked is in the document, but for the documentation itself."""
    routes = {route.path for route in service.client.app.routes if isinstance(route, Route)}  # type: ignore[attr-defined]

    assert routes - {"/openapi.json", "/api-docs", "/api-docs/"} == document_of(service)["paths"].keys()


def test_what_needs_a_token_says_so(service: HttpService) -> None:
    """The wallet's paths name the three places of a token, as alternatives; nothing else names one."""
    document = document_of(service)
    secured = {path: operations["get"].get("security") for path, operations in document["paths"].items()}

    assert {WALLET, STATEMENT} == {path for path, security in secured.items() if security}
    assert [{"bearer": []}, {"mint_session": []}, {"access.token": []}] == secured[WALLET]
    assert {"bearer", "mint_session", "access.token"} == document["components"]["securitySchemes"].keys()


def test_the_parameters_of_the_statement_are_told_as_they_are_read(service: HttpService) -> None:
    """Names, limits and choices in the document are those that the service enforces; none is required."""
    parameters = {
        parameter["name"]: parameter
        for parameter in document_of(service)["paths"][STATEMENT]["get"]["parameters"]
        if parameter["in"] == "query"
    }

    assert {"limit", "cursor", "type", "from", "to"} == parameters.keys()
    assert not any(parameter["required"] for parameter in parameters.values())
    limit = parameters["limit"]["schema"]
    assert (1, 200, 50) == (limit["minimum"], limit["maximum"], limit["default"])
    assert [*EntryKind] == parameters["type"]["schema"]["enum"]
    assert all(parameter["description"] for parameter in parameters.values())


def test_real_answers_are_as_documented(service: HttpService) -> None:
    """Bodies of real answers, good and bad, fit their schemas, which allow no field that is not documented."""
    document = document_of(service)
    asked = [
        (WALLET, WALLET, ALICE, 200),
        (WALLET, WALLET, None, 401),
        (WALLET, WALLET, CAROL, 404),
        (STATEMENT, f"{STATEMENT}?limit=1", ALICE, 200),
        (STATEMENT, STATEMENT, BOB, 200),
        (STATEMENT, f"{STATEMENT}?limit=x", BOB, 400),
        ("/api/v1/wallet/health", "/api/v1/wallet/health", None, 200),
        ("/health", "/health", None, 200),
        ("/health/ready", "/health/ready", None, 200),
    ]

    for path, url, user_id, status in asked:
        answer = service.get(url, user_id)
        assert status == answer.status_code
        assert_documented(document, path, status, answer.json())


@pytest.mark.parametrize("style", ["documented", "v1"])
def test_real_errors_are_as_documented_in_either_style(style: ErrorStyle) -> None:
    """The shape of errors in the document is the shape that this deployment answers with."""

    async def is_down() -> str | None:
        return "away"

    checks = {"mongodb": is_down, "rabbitmq": is_up}
    with http_service(
        reader=AwayReader(), error_style=style, readiness_checks=checks, rate_limit=RateLimit(2, 60_000)
    ) as service:
        document = document_of(service)
        away, refused = service.get(WALLET, ALICE), service.get(WALLET, ALICE)
        unready = service.get("/health/ready")

    assert_documented(document, WALLET, 503, away.json())
    assert_documented(document, WALLET, 429, refused.json())
    assert_documented(document, "/health/ready", 503, unready.json())
    example = document["paths"][WALLET]["get"]["responses"]["429"]["content"]["application/json"]["example"]
    assert refused.json() == example


def test_a_body_that_is_not_documented_is_noticed(service: HttpService) -> None:
    """The comparison above can fail: a renamed field, or a balance as text, does not fit."""
    document = document_of(service)
    body = service.get(WALLET, ALICE).json()

    for wrong in ({**body, "balance": "75.00"}, {**body, "held": 0}, {"id": body["id"]}):
        with pytest.raises(Exception, match=r"is not of type|Additional properties|is a required property"):
            assert_documented(document, WALLET, 200, wrong)


@pytest.mark.parametrize("path", ["/api-docs", "/api-docs/"])
def test_the_page_carries_its_document(service: HttpService, path: str) -> None:
    """The page holds the very document of ``/openapi.json``: behind the gateway it could not fetch it."""
    answer = service.get(path)

    assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
    (embedded,) = (match["text"] for match in SCRIPT.finditer(answer.text) if "application/json" in match["attributes"])
    assert document_of(service) == json.loads(embedded)


def test_the_page_loads_nothing(service: HttpService) -> None:
    """No element of the page names another file or another host: it works without the internet."""
    page = service.get("/api-docs").text
    markup = re.sub(r"(<script[^>]*>|<style>).*?(</script>|</style>)", r"\1\2", page, flags=re.DOTALL)

    assert not re.findall(r"""(?:src|href)\s*=\s*(?!["']?data:)""", markup)
    assert not re.search(r"@import|url\((?!['\"]?data:)", page[page.index("<style>") : page.index("</style>")])


def test_only_the_pages_own_scripts_may_run(service: HttpService) -> None:
    """The policy allows exactly the page's scripts, by digest, and forbids every other source."""
    answer = service.get("/api-docs")
    scripts = [match["text"] for match in SCRIPT.finditer(answer.text) if not match["attributes"]]
    digests = {f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'" for text in scripts}

    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))

    assert 2 == len(digests)
    assert digests == set(policy["script-src"].split())
    assert "'none'" == policy["default-src"]
    assert "'self'" == policy["connect-src"]


def test_a_document_cannot_break_out_of_the_page() -> None:
    """A text that would end the script element is written so that it does not."""
    page = documentation_page({"info": {"description": "</script><script>alert(1)</script><!-- $start"}})

    assert b"alert(1)" in page.html
    assert b"<script>alert(1)" not in page.html
    assert 3 == page.html.count(b"</script>")


def test_a_browser_need_not_load_the_page_twice(service: HttpService) -> None:
    """The page, and the document, have an entity tag: the second visit is a 304."""
    for path in ("/api-docs", "/openapi.json"):
        tag = service.get(path).headers["etag"]
        assert 304 == service.get(path, if_none_match=tag).status_code
        assert 200 == service.client.head(path).status_code


def test_the_document_tells_of_no_user(service: HttpService) -> None:
    """The documentation is the same for everybody, whoever asks and whatever is in the books."""
    before = service.get("/openapi.json").text
    service.scenario.post_one(topup(transaction_id(9), ALICE, 1))

    assert before == service.get("/openapi.json", ALICE).text
