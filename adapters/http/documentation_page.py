"""Make the page ``/api-docs``: Swagger UI with everything that it needs inside, the OpenAPI document included.

The page works without the internet and wherever a gateway shows it: it loads nothing, and asks only for what a reader
tries out. Behind the gateway (``/api-docs/wallet``) only the wallet's own paths can be tried, because no other is
routed here.

Shape: one HTML file of about 1.8 MB, and the policy that lets exactly its own two scripts run, by their digests.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from string import Template
from typing import Any

import orjson
from secure import ContentSecurityPolicy

from adapters.http.paths import DOCUMENTATION_PATH, GATEWAY_PREFIX

_START = Template("""
const documented = JSON.parse(document.getElementById("openapi").textContent);
const behindGateway = location.pathname.startsWith("$gateway_page");
const reachable = (path) => !behindGateway || path.startsWith("$gateway_prefix");
SwaggerUIBundle({
  spec: documented,
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  validatorUrl: null,
  plugins: [{statePlugins: {spec: {wrapSelectors: {
    allowTryItOutFor: () => (_state, path) => reachable(path),
  }}}}],
});
""").substitute(gateway_page=f"{DOCUMENTATION_PATH}/wallet", gateway_prefix=GATEWAY_PREFIX)

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="Interactive documentation of the wallet service's HTTP interface">
<title>Wallet service: HTTP interface</title>
<link rel="icon" href="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 100'>\
<text y='80' font-size='80'>&#128091;</text></svg>">
<style>$style</style>
<style>body { margin: 0; background: #fafafa; }</style>
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The document it shows is also served as /openapi.json.</noscript>
<script id="openapi" type="application/json">$document</script>
<script>$library</script>
<script>$start</script>
</body>
</html>
""")


@dataclass(frozen=True, slots=True)
class DocumentationPage:
    """The page, and the ``Content-Security-Policy`` that belongs to it."""

    html: bytes
    policy: str


def documentation_page(document: Mapping[str, Any]) -> DocumentationPage:
    """Put the document into the page."""
    library = _inline(_asset("swagger_bundle.js"))
    html = _PAGE.substitute(
        style=_asset("swagger_style.css"),
        document=_inline_json(document),
        library=library,
        start=_START,
    )
    policy = (
        ContentSecurityPolicy()
        .default_src("'none'")
        .script_src(_digest(library), _digest(_START))
        .style_src("'unsafe-inline'")  # Swagger UI writes style attributes
        .img_src("data:")
        .connect_src("'self'")
        .frame_ancestors("'none'")
        .base_uri("'none'")
        .form_action("'none'")
    )
    return DocumentationPage(html.encode(), policy.header_value)


def _asset(name: str) -> str:
    return resources.files("offapi").joinpath(name).read_text(encoding="utf-8")


def _inline(script: str) -> str:
    """Keep a script from ending, or changing, the element that it stands in (HTML, section 4.12.1.3)."""
    return script.replace("<!--", r"\x3C!--").replace("<script", r"\x3Cscript").replace("</script", r"\x3C/script")


def _inline_json(document: Mapping[str, Any]) -> str:
    return orjson.dumps(document).decode().replace("<", r"\u003C")


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'"
