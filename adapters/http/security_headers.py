"""Send the headers that tell a browser what not to do with our answers.

The values come from the library ``secure``. They are computed once and given as bytes: the library's own middleware
computes them for each answer, and would overwrite the policy that the documentation page brings along.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    """The security headers as bytes. A policy that an answer brings along stays."""

    def __init__(self) -> None:
        """Compute them."""
        items = security_headers().headers.items()
        self._headers = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in items]
        self._without_policy = [header for header in self._headers if header[0] != _CONTENT_SECURITY_POLICY]

    def beside(self, given: Sequence[tuple[bytes, bytes]]) -> Sequence[tuple[bytes, bytes]]:
        """Give those that an answer with these headers must have as well."""
        return self._without_policy if _CONTENT_SECURITY_POLICY in dict(given) else self._headers
