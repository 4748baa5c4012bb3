"""The settings: names and defaults of the system that we join, and ours, which begin with ``WALLET_``.

``load_settings(environ)`` reads a mapping of environment variables and returns ``Settings``, or raises one
``SettingsError`` that lists everything wrong at once and repeats no value. An empty variable counts as not set. An
unknown ``WALLET_`` name is an error, so that a typing mistake cannot pass for a default.

``python -m entrypoints.settings > docs/configuration.md`` writes the page again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, ValidationError, ValidationInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from entrypoints import connection_url, fault_point, setting_values
from entrypoints.configuration_page import SettingRow, configuration_page
from entrypoints.connection_url import ConnectionUrl, DatabaseUrl
from entrypoints.fault_point import STEPS, BlockPoint, CrashPoint
from entrypoints.setting_names import OUR_PREFIX, contradictions, unknown_names
from entrypoints.settings_error import SettingProblem, SettingsError
from wallet_core.money import Currency, Money

_EXPONENT_WIDEST = Currency("CLF", 4)
"""Stands in for a currency that could not be read, so that the opening balance is still looked at."""


def _setting(default: str, *, accepts: str, meaning: str, alias: str | None = None) -> Any:  # noqa: ANN401 - as Field
    """Declare a setting: its default as the text that a person would give, and the two texts of its row in the page."""
    return Field(
        default=default,
        validate_default=True,
        validation_alias=None if alias is None else AliasChoices(*alias.split("|")),
        description=meaning,
        json_schema_extra={"accepts": accepts},
    )


def _opening_balance(text: str, info: ValidationInfo) -> Money:
    return setting_values.opening_balance(text, info.data.get("wallet_currency", _EXPONENT_WIDEST))


def _prefetch(text: str, info: ValidationInfo) -> int:
    return setting_values.prefetch(text, info.data.get("wallet_batch_max", 1))


class Settings(BaseSettings):
    """What a process is told from outside. Immutable; its ``repr`` shows no password. Made by ``load_settings``."""

    model_config = SettingsConfigDict(
        alias_generator=str.upper,
        case_sensitive=True,
        enable_decoding=False,  # lists are separated by commas; none is JSON
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    port: Annotated[int, Field(ge=1, le=65_535)] = _setting(
        "4003", accepts="1 to 65535", meaning="TCP port of the HTTP server."
    )
    host: str = _setting("0.0.0.0", accepts="an address of this machine", meaning="Where the HTTP server listens.")  # noqa: S104 - a container listens on all its addresses
    database_url: Annotated[DatabaseUrl, BeforeValidator(connection_url.database_url)] = _setting(
        "mongodb://root:example@mongodb:27017/mint_wallet?authSource=admin",
        accepts="mongodb://user:password@host:port/database, user and password percent-encoded",
        meaning="MongoDB, a replica set (one member is enough). The name after the host is the database of the books.",
    )
    rabbitmq_url: Annotated[ConnectionUrl, BeforeValidator(connection_url.rabbitmq_url)] = _setting(
        "amqp://guest:guest@rabbitmq:5672",
        accepts="amqp://user:password@host:port/vhost, user, password and vhost percent-encoded; amqps for TLS",
        meaning="RabbitMQ.",
    )
    jwks_endpoint: Annotated[str, BeforeValidator(setting_values.key_set_url)] = _setting(
        "http://auth:4001/.well-known/jwks.json",
        accepts="an http or https address without a user name; `file:///...` for trying things out",
        meaning="Where the auth service publishes the public keys of its tokens.",
        alias="JWKS_ENDPOINT|JWKS_URI",
    )
    jwt_iss: str = _setting(
        "auth-service", accepts="text", meaning="Issuer that a token must name.", alias="JWT_ISS|JWT_ISSUER"
    )
    jwt_aud: str = _setting(
        "wallet-service", accepts="text", meaning="Audience that a token must name.", alias="JWT_AUD|JWT_AUDIENCE"
    )
    wallet_currency: Annotated[Currency, BeforeValidator(setting_values.currency)] = _setting(
        "USD",
        accepts="an ISO 4217 code with 0 to 4 decimals, in capitals",
        meaning="Currency of all wallets, amounts and balances. Never change it on books that exist.",
    )
    initial_wallet_balance: Annotated[Money, BeforeValidator(_opening_balance)] = _setting(
        "0",
        accepts="0 or more major units, exact in the currency, at most 10^15 minor units",
        meaning="What each new wallet is opened with. Anything but 0 makes money, and is warned about at start.",
    )
    cors_origin: Annotated[tuple[str, ...], BeforeValidator(setting_values.origins)] = _setting(
        "*",
        accepts="`*`, or origins such as `https://app.example.com`, separated by commas",
        meaning="Origins whose pages may read from us. With `*` no credentials are allowed; with listed ones they are.",
    )
    rate_limit_window_ms: Annotated[int, Field(ge=1_000, le=86_400_000)] = _setting(
        "900000", accepts="1000 to 86400000", meaning="Length of the window in which a client's requests are counted."
    )
    rate_limit_max: Annotated[int, Field(ge=1, le=1_000_000_000)] = _setting(
        "100",
        accepts="1 to 1000000000",
        meaning="Requests of one client in one window. Not counted: `/health*`, `/api/v1/wallet/health`, `/metrics`.",
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(setting_values.log_level)
    ] = _setting(
        "info", accepts="`debug`, `info`, `warning`, `error`, `critical`", meaning="Least level that is logged."
    )

    wallet_wire: Literal["auto", "documented", "v1"] = _setting(
        "auto",
        accepts="`auto`, `documented`, `v1`",
        meaning="Vocabulary of our answers. `auto`: that of the question.",
    )
    wallet_http_errors: Literal["documented", "v1"] = _setting(
        "documented",
        accepts="`documented`, `v1`",
        meaning='Shape of an HTTP error: `{"error": "..."}`, or v1\'s `{"error": {"message": "...", "status": 404}}`.',
    )
    wallet_exchange_type: Literal["direct", "topic"] = _setting(
        "direct",
        accepts="`direct`, `topic`",
        meaning="Type of an exchange that is missing and that we declare. One that exists is taken as it is.",
    )
    wallet_mongo_driver: Literal["motor", "pymongo"] = _setting(
        "motor",
        accepts="`motor`, `pymongo`",
        meaning="Driver of MongoDB: motor, or PyMongo Async. Both write the same books; change it whenever you like.",
    )
    wallet_batch_max: Annotated[int, Field(ge=1, le=5_000)] = _setting(
        "3000",
        accepts="1 to 5000",
        meaning="Most deliveries that one unit of work handles. Nobody waits for it to fill.",
    )
    wallet_prefetch: Annotated[int, BeforeValidator(_prefetch)] = _setting(
        "auto",
        accepts="`auto`, or WALLET_BATCH_MAX to 65535",
        meaning="Deliveries of one queue that may be in our memory unsettled. `auto`: three times WALLET_BATCH_MAX.",
    )
    wallet_partitions: Annotated[tuple[int, ...], BeforeValidator(setting_values.partitions)] = _setting(
        "none",
        accepts="`none`, or 1 to 16 different numbers, each 0 to 999, separated by commas",
        meaning="[Partitions](scaling.md#partitions) of the transactions' queues that this process consumes too.",
    )
    wallet_retry_delays_ms: Annotated[tuple[int, ...], BeforeValidator(setting_values.delays_ms)] = _setting(
        "1000,5000,15000,30000",
        accepts="1 to 10 numbers, each 1 to 86400000, separated by commas",
        meaning="Waits before an event about an unknown wallet is looked at again. After the last it is refused.",
    )
    wallet_reversal_shortfall: Literal["wait", "overdraw"] = _setting(
        "wait",
        accepts="`wait`, `overdraw`",
        meaning="When the recipient has spent what must go back: wait for it, or take the balance below zero.",
    )
    wallet_trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...], BeforeValidator(setting_values.networks)
    ] = _setting(
        "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,::1/128,fc00::/7",
        accepts="`none`, or networks such as `10.0.0.0/8`, separated by commas",
        meaning="Peers whose `X-Forwarded-For` is believed: its last hop is then the client that is counted.",
    )
    wallet_jwt_algorithms: Annotated[tuple[str, ...], BeforeValidator(setting_values.algorithms)] = _setting(
        "RS256",
        accepts=", ".join(f"`{name}`" for name in setting_values.JWT_ALGORITHMS) + ", separated by commas",
        meaning="Signatures that a token may have.",
    )
    wallet_shutdown_grace_ms: Annotated[int, Field(ge=100, le=600_000)] = _setting(
        "8000",
        accepts="100 to 600000",
        meaning="Time to finish after SIGTERM. Keep it below what the platform waits before SIGKILL (Docker: 10 s).",
    )
    wallet_drain_ms: Annotated[int, Field(ge=0, le=60_000)] = _setting(
        "1000",
        accepts="0 to 60000, less than `WALLET_SHUTDOWN_GRACE_MS`",
        meaning="How long HTTP is served after SIGTERM has turned readiness red: time for a balancer to see it.",
    )
    wallet_log_format: Literal["auto", "json", "console"] = _setting(
        "auto",
        accepts="`auto`, `json`, `console`",
        meaning="Form of the log. `auto`: `console` on a terminal, `json` elsewhere.",
    )
    wallet_fault_injection: Literal["off", "on"] = _setting(
        "off", accepts="`off`, `on`", meaning="For tests only: allows the three settings below; warned about at start."
    )
    wallet_crash_at: Annotated[CrashPoint | None, BeforeValidator(fault_point.crash_point)] = _setting(
        "none",
        accepts="`none`, a step, or `step:n`",
        meaning="The process kills itself (SIGKILL) when it reaches a [step](#steps) for the n-th time.",
    )
    wallet_block_at: Annotated[BlockPoint | None, BeforeValidator(fault_point.block_point)] = _setting(
        "none",
        accepts="`none`, or `step:seconds`",
        meaning="The process stands still when it reaches a [step](#steps) for the first time.",
    )
    wallet_fault_history: Annotated[Path | None, BeforeValidator(fault_point.history_file)] = _setting(
        "none",
        accepts="`none`, or a file in a folder that exists",
        meaning="Where a line of JSON is appended for each step that is reached.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what ``load_settings`` gives, and nothing behind its back: no ``os.environ``, no ``.env`` file."""
        return (init_settings,)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """
    Read and check the settings in ``environ`` (names in capitals, as in the environment).

    Raises SettingsError, which names everything that is wrong.
    """
    problems = [*contradictions(_ROWS, environ), *unknown_names(_ROWS, environ)]
    source = EnvSettingsSource(Settings)
    source.env_vars = {name: value for name, value in environ.items() if value}
    try:
        settings = Settings(**source())
    except ValidationError as error:
        raise SettingsError([*_wrong_values(error, environ), *problems]) from None
    if problems:
        raise SettingsError(problems)
    return settings


def _row(field: str) -> SettingRow:
    """Gather what the declaration of a field says about it."""
    info = Settings.model_fields[field]
    alias, extra = info.validation_alias, info.json_schema_extra
    names = tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (field.upper(),)
    accepts = str(extra["accepts"]) if isinstance(extra, dict) else ""
    return SettingRow(names, str(info.default), accepts, info.description or "")


_ROWS = tuple(_row(field) for field in Settings.model_fields)


def _wrong_values(error: ValidationError, environ: Mapping[str, str]) -> Iterator[SettingProblem]:
    rows = {row.names[0]: row for row in _ROWS}
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        row = rows[str(detail["loc"][0])]
        given = next((name for name in row.names if environ.get(name)), row.names[0])
        wrong = detail["msg"].removeprefix("Value error, ").replace("Input should", "it should")
        yield SettingProblem(given, wrong, f"Give {row.accepts.replace('`', '')}.")


def page() -> str:
    """Return docs/configuration.md as the settings above want it."""
    try:
        load_settings({"PORT": "high", "WALLET_BATCHMAX": "10"})
    except SettingsError as example:
        return configuration_page(_ROWS, OUR_PREFIX, STEPS, wrong_example=str(example))
    raise AssertionError("two mistakes were accepted, so the page has no example to show")


if __name__ == "__main__":
    sys.stdout.write(page())
