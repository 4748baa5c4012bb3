"""Addresses of MongoDB and RabbitMQ: the exact text for the driver, and a form without secrets for people.

The text is kept as it was given, byte for byte: a parser that writes it anew would change a password's escapes. Only
``reveal()`` gives it away. ``redacted`` keeps scheme, user, hosts and path; the query goes, it can hold secrets too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import AmqpDsn, MongoDsn, SecretStr, TypeAdapter, ValidationError

DATABASE_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
"""MongoDB allows 63 bytes and some more characters; those hint at a password with a bare '/' or '@'."""

MONGODB_OWN_DATABASES = frozenset({"admin", "config", "local"})
"""MongoDB keeps these for itself and allows no transaction in them (manual: transactions, restricted operations)."""

_MONGO = TypeAdapter(MongoDsn)
_AMQP = TypeAdapter(AmqpDsn)


@dataclass(frozen=True, slots=True)
class ConnectionUrl:
    """An address with its password. ``repr`` and ``redacted`` never show the password."""

    secret: SecretStr
    redacted: str

    def reveal(self) -> str:
        """Return the whole address, password included: for the driver, never for a log."""
        return self.secret.get_secret_value()


@dataclass(frozen=True, slots=True)
class DatabaseUrl(ConnectionUrl):
    """The address of MongoDB; ``database`` is the name of the one that holds the books."""

    database: str


def database_url(text: str) -> DatabaseUrl:
    """Read ``mongodb://user:password@host:port/database``. Raises ValueError, which shows no part of it."""
    try:
        dsn = _MONGO.validate_python(text)
    except ValidationError as error:
        raise ValueError(_why(error)) from None
    _refuse_bare_delimiters(text, dsn.fragment)
    database = (dsn.path or "").removeprefix("/")
    if not database:
        raise ValueError("names no database after the host")
    if not DATABASE_NAME.fullmatch(database):
        raise ValueError("the database's name is not usable, or a '/' or '@' of the password is not percent-encoded")
    if database in MONGODB_OWN_DATABASES:
        raise ValueError("names a database that MongoDB keeps for itself")
    hosts = dsn.hosts()
    places = ",".join(_place(host["host"], host["port"]) for host in hosts)
    redacted = f"{dsn.scheme}://{_user(hosts[0]['username'], hosts[0]['password'])}{places}/{database}"
    return DatabaseUrl(SecretStr(text), redacted, database)


def rabbitmq_url(text: str) -> ConnectionUrl:
    """Read ``amqp://user:password@host:port/vhost``. Raises ValueError, which shows no part of it."""
    try:
        dsn = _AMQP.validate_python(text)
    except ValidationError as error:
        raise ValueError(_why(error)) from None
    _refuse_bare_delimiters(text, dsn.fragment)
    virtual_host = (dsn.path or "").removeprefix("/")
    if "/" in virtual_host or "@" in virtual_host:
        raise ValueError("a '/' or '@' of the password or of the virtual host is not percent-encoded")
    place = _place(dsn.host, dsn.port)
    redacted = f"{dsn.scheme}://{_user(dsn.username, dsn.password)}{place}/{virtual_host}"
    return ConnectionUrl(SecretStr(text), redacted)


def _why(error: ValidationError) -> str:
    """Return pydantic's first reason; its texts about addresses hold no part of the input."""
    return error.errors(include_input=False, include_url=False)[0]["msg"]


def _refuse_bare_delimiters(text: str, fragment: str | None) -> None:
    """Refuse a '#' and a second '@': each ends a part of the address early, most often in the middle of a password."""
    if fragment is not None:
        raise ValueError("a '#' is not percent-encoded")
    if text.partition("//")[2].partition("/")[0].count("@") > 1:
        raise ValueError("an '@' of the user name or the password is not percent-encoded")


def _user(username: str | None, password: str | None) -> str:
    if username is None:
        return ""
    return f"{username}:***@" if password is not None else f"{username}@"


def _place(host: str | None, port: int | None) -> str:
    if not host:
        raise ValueError("names no host")
    return host if port is None else f"{host}:{port}"
