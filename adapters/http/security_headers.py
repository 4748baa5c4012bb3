"""Send the headers that tell a browser what not to do with our answers.

The values come from the library ``secure``. They are computed once and appended as bytes: the library's own middleware
computes them for each answer, and would overwrite the policy that the documentation page brings along.
"""

from __future__ import annotations

from secure import (
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HSTS_MAX_AGE_S = 31_536_000
"""A year, as v1 sends it. Browsers heed it only over TLS. Subdomains are left to whoever owns the domain."""

_CONTENT_SECURITY_POLICY = b"content-security-policy"


def security_headers() -> Secure:
    """Give the headers of every answer. An API shows nothing, so its policy allows nothing."""
    policy = ContentSecurityPolicy().default_src("'none'").frame_ancestors("'none'").base_uri("'none'")
    return Secure(
        csp=policy.form_action("'none'"),
        hsts=StrictTransportSecurity().max_age(HSTS_MAX_AGE_S),
        xcto=XContentTypeOptions().nosniff(),
        xfo=XFrameOptions().deny(),
        referrer=ReferrerPolicy().no_referrer(),
        coop=CrossOriginOpenerPolicy().same_origin(),
        corp=CrossOriginResourcePolicy().same_origin(),
    ).validate_and_normalize_headers(on_invalid="raise", strict=True)


class SecurityHeaders:
    """Appends the security headers to every answer. A policy that an answer brings along stays."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap ``app``."""
        self._app = app
        items = security_headers().headers.items()
        self._headers = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in items]
        self._without_policy = [header for header in self._headers if header[0] != _CONTENT_SECURITY_POLICY]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                has_policy = _CONTENT_SECURITY_POLICY in dict(headers)
                message["headers"] = [*headers, *(self._without_policy if has_policy else self._headers)]
            await send(message)

        await self._app(scope, receive, send_with_headers)
