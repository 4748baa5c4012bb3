"""The HTTP edge: what the gateway routes here, and who is asking.

=======================  =======================================================================================
``application.py``       builds the application from its layers and routes
``edge.py``              what each request and each answer goes through, and in which order
``endpoint.py``          what stands behind a route: a function from request to response
``routes.py``            every path of the contract, and what it reads
``paths.py``             their names
``parameters.py``        a query string -> typed parameters, or a clear text about what is wrong
``parameter_values.py``  the text of one parameter -> its value
``statement_pages.py``   pages of statements, kept under the wallet's seal
``representations.py``   wallets and statements as JSON, amounts exact
``schemas.py``           models of parameters and bodies, for reading the former and documenting both
``conditional.py``       entity tags and 304
``errors.py``            the one table from error to status and body
``readiness.py``         what we depend on is there, or not and why
``rate_limit.py``        how often a client may ask; ``rate_windows.py`` counts
``client_address.py``    which client a request comes from, behind a proxy too
``cross_origin.py``      CORS
``security_headers.py``  what a browser must not do with our answers
``observation.py``       metrics and log line of each request; ``metrics.py`` has the names
``correlation_id.py``    one id for a request, in its answer and in every line about it
``documentation.py``     the OpenAPI document; ``documentation_page.py`` shows it, ``_routes.py`` serves both
``auth.py``              who is asking: where a token is looked for, the cache of verified tokens
``tokens.py``            one token: header, signature, claims, user id
``keys.py``              the public keys that tokens are verified with: held, and fetched again when they change
``key_set.py``           one JWK set: from an endpoint or a file, parsed entry by entry
``development_key.py``   a key pair of our own, for tests, the demo and ``wallet token``
=======================  =======================================================================================

Layering: ``auth`` asks ``tokens``, ``tokens`` asks ``keys``, ``keys`` reads a ``key_set``; routes know ``auth`` alone.
No rule about money is here.
"""
