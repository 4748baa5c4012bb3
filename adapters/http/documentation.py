"""Make the OpenAPI 3.1 document of the API from the routes' docstrings and the models of ``schemas.py``, by spectree.

Importing this module costs 40 MB and a tenth of a second, for the assets of all the pages that spectree knows: only
``documentation_routes.py`` does, when somebody looks at the documentation for the first time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from spectree import Response, SecurityScheme, SpecTree, Tag
from spectree.models import InType, SecureType, SecuritySchemeData
from starlette.applications import Starlette
from starlette.routing import Route

from adapters.http import paths, schemas
from adapters.http.auth import COOKIE_NAMES
from adapters.http.endpoint import Answer
from adapters.http.errors import ErrorStyle, error_body
from adapters.http.routes import ServiceRoutes, WalletRoutes

API_VERSION = "1.0.0"
"""Version of this interface, not of the service: ``/api/v1``, compatible additions count up the middle."""

DESCRIPTION = """\
What users may know about their own wallet: the balance, and every change of it.

**Who is asking.** Send a token of the auth service as `Authorization: Bearer`, or let the browser send its session
cookie. The first token that verifies counts.

**Amounts** are JSON numbers in major units with all decimals of the currency (`150.25`), exact to the last digit.
Read them as decimals. **Times** are in UTC.

**Errors** are JSON too; their text is for people. A 503 says in `Retry-After` when to ask again.

**How often.** Every answer but those of health checks tells in `RateLimit-Remaining` how many requests are left, and in
`RateLimit-Reset` in how many seconds the count begins anew. Then comes 429.
"""

_WALLET = Tag(name="Wallet", description="For users. The gateway routes these here.")
_SERVICE = Tag(name="Service", description="For gateways, orchestrators and Prometheus.")

_ERRORS = {
    400: ("A parameter cannot be used; the text says which, and why.", "limit must be a whole number from 1 to 200"),
    401: ("No token, or none that verifies.", "Unauthorized"),
    404: ("This user has no wallet.", "Wallet not found"),
    429: ("Too many requests: ask again after `Retry-After` seconds.", "Too Many Requests"),
    500: ("A defect of ours; the log has it under the `X-Request-ID` of this answer.", "Internal Server Error"),
    503: (
        "The database or the keys of the auth service are away: ask again after `Retry-After` seconds.",
        "Service Unavailable",
    ),
}
"""What each status means, and an example of its text."""

_OF_A_USER = (401, 404, 429, 503)

Model = type[BaseModel]


@dataclass(frozen=True, slots=True)
class _Operation:
    """
    One documented GET.

    ``answers`` are bodies by status, with what they mean; ``errors`` are the statuses of ``_ERRORS`` that it may end
    in. Only what is ``private`` needs a token, and has an entity tag.
    """

    path: str
    function: Answer
    id: str
    answers: Mapping[int, tuple[Model | None, str]]
    errors: Sequence[int] = ()
    query: Model | None = None
    private: bool = False


_OPERATIONS = (
    _Operation(
        paths.WALLET_PATH,
        WalletRoutes.wallet,
        "readWallet",
        {200: (schemas.WalletBody, "Your wallet."), 304: (None, "It is what you hold already.")},
        _OF_A_USER,
        private=True,
    ),
    _Operation(
        paths.STATEMENT_PATH,
        WalletRoutes.transactions,
        "readStatement",
        {200: (schemas.StatementBody, "A page of your statement."), 304: (None, "It is what you hold already.")},
        (400, *_OF_A_USER),
        query=schemas.StatementParameters,
        private=True,
    ),
    _Operation(
        paths.WALLET_HEALTH_PATH,
        ServiceRoutes.wallet_health,
        "readWalletHealth",
        {200: (schemas.WalletHealthBody, "The service answers.")},
    ),
    _Operation(
        paths.HEALTH_PATH,
        ServiceRoutes.health,
        "readHealth",
        {200: (schemas.HealthBody, "The process is alive.")},
    ),
    _Operation(
        paths.READINESS_PATH,
        ServiceRoutes.ready,
        "readReadiness",
        {200: (schemas.ReadinessBody, "Everything is there."), 503: (schemas.ReadinessBody, "Something is away.")},
    ),
    _Operation(
        paths.METRICS_PATH,
        ServiceRoutes.metrics,
        "readMetrics",
        {200: (None, "The metrics, as text for Prometheus or as OpenMetrics.")},
    ),
)


def openapi_document(error_style: ErrorStyle) -> dict[str, Any]:
    """Give the document; its errors have the shape that this deployment answers with."""
    error = schemas.V1ErrorBody if error_style == "v1" else schemas.ErrorBody
    tree = SpecTree(
        "starlette",
        title="Wallet service",
        description=DESCRIPTION,
        version=API_VERSION,
        openapi_version="3.1.0",
        license={"name": "MIT", "url": "https://opensource.org/license/mit"},
        security_schemes=_security_schemes(),
        annotations=False,
        naming_strategy=_component_name,
        nested_naming_strategy=lambda _parent, child: child.removesuffix("Body"),
        # Not what it says: nothing is validated here. It documents the 500 that every operation may end in.
        validation_error_status=500,
        validation_error_model=error,
    )
    tree.register(Starlette(routes=[_documented(tree, operation, error) for operation in _OPERATIONS]))
    document: dict[str, Any] = _tidied(tree.spec)
    _add_examples(document, error, error_style)
    return document


def _documented(tree: SpecTree, operation: _Operation, error: Model) -> Route:
    errors = {status: (error, _ERRORS[status][0]) for status in (*operation.errors, 500)}
    answers = {f"HTTP_{status}": answer for status, answer in {**operation.answers, **errors}.items()}
    decorate = tree.validate(
        query=operation.query,
        headers=schemas.ConditionalHeaders if operation.private else None,
        resp=Response(**answers),
        tags=[_WALLET if operation.private else _SERVICE],
        security=[{scheme.name: []} for scheme in _security_schemes()] if operation.private else None,
        operation_id=operation.id,
        skip_validation=True,
    )
    return Route(operation.path, decorate(operation.function), methods=["GET"])


def _security_schemes() -> list[SecurityScheme]:
    bearer = SecuritySchemeData(
        type=SecureType.HTTP, scheme="bearer", bearer_format="JWT", description="A token of the auth service."
    )
    return [SecurityScheme(name="bearer", data=bearer), *map(_cookie_scheme, COOKIE_NAMES)]


def _cookie_scheme(name: str) -> SecurityScheme:
    about = (
        "The same token in the cookie of a session. A browser that is signed in sends it by itself, here too; "
        "a page cannot set it, so a value given here has no effect. Use bearer instead."
    )
    return SecurityScheme(
        name=name,
        data=SecuritySchemeData(type=SecureType.API_KEY, name=name, field_in=InType.COOKIE, description=about),
    )


def _component_name(model: Model) -> str:
    return model.__name__.removesuffix("Body")


def _add_examples(document: dict[str, Any], error: Model, error_style: ErrorStyle) -> None:
    """Give the error of each status its own example: spectree has one model for all of them, and no place for this."""
    reference = f"#/components/schemas/{_component_name(error)}"
    for path in document["paths"].values():
        for status, response in path["get"]["responses"].items():
            content = response.get("content", {}).get("application/json")
            if content is not None and content["schema"]["$ref"] == reference:
                content["example"] = error_body(error_style, int(status), _ERRORS[int(status)][1])


def _tidied(node: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Drop what nobody reads (titles made from names of fields, defaults that mean "absent"), and sort the statuses."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    if not _SCHEMA_WORDS.isdisjoint(node):
        node = {key: value for key, value in node.items() if key != "title" and (key, value) not in _ABSENT}
    elif "200" in node:
        node = dict(sorted(node.items()))
    return {key: _tidied(value) for key, value in node.items()}


_SCHEMA_WORDS = frozenset({"type", "anyOf", "$ref"})
_ABSENT = (("default", None), ("default", ""))
