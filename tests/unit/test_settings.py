"""What the environment may say, and how everything that is wrong with it is told at once."""

from pathlib import Path

import pytest

from adapters.mongo.driver import Driver
from entrypoints.settings import Settings, load_settings, page
from entrypoints.settings_error import SettingsError
from wallet_core.money import Currency, Money

CONFIGURATION_PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"

PASSWORD = "s3cret"


def wrong_names(environ: dict[str, str]) -> list[str]:
    """Load an environment that must be refused; returns the names that the error lists."""
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    return [problem.name for problem in refused.value.problems]


def wrong_text(environ: dict[str, str]) -> str:
    """Load an environment that must be refused; returns what a person reads."""
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    return str(refused.value)


def test_defaults_are_those_of_the_systems_documents() -> None:
    """An empty environment gives the values that the system's documents name."""
    settings = load_settings({})

    assert (4003, "0.0.0.0") == (settings.port, settings.host)  # noqa: S104 - compared, not bound
    assert "mongodb://root:example@mongodb:27017/mint_wallet?authSource=admin" == settings.database_url.reveal()
    assert "mint_wallet" == settings.database_url.database
    assert "amqp://guest:guest@rabbitmq:5672" == settings.rabbitmq_url.reveal()
    assert "http://auth:4001/.well-known/jwks.json" == settings.jwks_endpoint
    assert ("auth-service", "wallet-service") == (settings.jwt_iss, settings.jwt_aud)
    assert (900_000, 100) == (settings.rate_limit_window_ms, settings.rate_limit_max)
    assert (("*",), "info") == (settings.cors_origin, settings.log_level)
    assert Money(0, Currency("USD", 2)) == settings.initial_wallet_balance


def test_defaults_of_our_own_settings() -> None:
    """An empty environment gives the defaults that the design fixes for the names that begin with WALLET_."""
    settings = load_settings({})

    assert ("auto", "documented", "direct") == (
        settings.wallet_wire,
        settings.wallet_http_errors,
        settings.wallet_exchange_type,
    )
    assert (3_000, 9_000) == (settings.wallet_batch_max, settings.wallet_prefetch)
    assert (1_000, 5_000, 15_000, 30_000) == settings.wallet_retry_delays_ms
    assert "wait" == settings.wallet_reversal_shortfall
    assert ("RS256",) == settings.wallet_jwt_algorithms
    assert "auto" == settings.wallet_log_format
    assert Driver.MOTOR is Driver(settings.wallet_mongo_driver)


@pytest.mark.parametrize("driver", list(Driver))
def test_every_driver_may_be_chosen(driver: Driver) -> None:
    """The setting knows each driver of the adapter by its name, and no other."""
    assert driver.value == load_settings({"WALLET_MONGO_DRIVER": driver.value}).wallet_mongo_driver
    assert ["WALLET_MONGO_DRIVER"] == wrong_names({"WALLET_MONGO_DRIVER": driver.name.capitalize()})


def test_only_the_given_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the process that is not in the given mapping has no effect."""
    monkeypatch.setenv("PORT", "4999")

    assert 4003 == load_settings({}).port


def test_empty_variable_counts_as_not_set() -> None:
    """A variable without text, as a compose file passes an unset one, leaves the default."""
    assert 4003 == load_settings({"PORT": "", "WALLET_WIRE": ""}).port


def test_foreign_variables_are_ignored() -> None:
    """NODE_ENV, LOKI_URL and whatever else is around are no concern of ours."""
    load_settings(
        {"NODE_ENV": "production", "LOKI_URL": "http://loki:3100", "HOSTNAME": "x", "RABBITMQ_PORT": "tcp://"}
    )


@pytest.mark.parametrize(
    ("first", "second"), [("JWT_ISS", "JWT_ISSUER"), ("JWT_AUD", "JWT_AUDIENCE"), ("JWKS_ENDPOINT", "JWKS_URI")]
)
def test_second_name_of_a_setting(first: str, second: str) -> None:
    """A second name works like the first; both set to one value is fine, to two values an error that names both."""
    values = ("http://auth:1/keys", "http://auth:2/keys")

    by_first, by_second = load_settings({first: values[0]}), load_settings({second: values[0]})

    assert by_first == by_second != load_settings({})
    assert by_first == load_settings({first: values[0], second: values[0]})
    assert by_first == load_settings({first: "", second: values[0]})
    assert [f"{first} and {second}"] == wrong_names({first: values[0], second: values[1]})


def test_wrong_value_is_reported_under_the_name_that_was_used() -> None:
    """A wrong JWKS_URI is called JWKS_URI, not JWKS_ENDPOINT."""
    assert ["JWKS_URI"] == wrong_names({"JWKS_URI": "auth:4001"})


def test_everything_wrong_is_listed_at_once() -> None:
    """One error holds every wrong value, every contradiction and every unknown name."""
    environ = {
        "PORT": "70000",
        "DATABASE_URL": "mongodb://mongodb:27017",
        "WALLET_WIRE": "v2",
        "JWT_ISS": "a",
        "JWT_ISSUER": "b",
        "WALLET_BATCHMAX": "10",
    }

    names = wrong_names(environ)

    assert ["PORT", "DATABASE_URL", "WALLET_WIRE", "JWT_ISS and JWT_ISSUER", "WALLET_BATCHMAX"] == names


def test_error_says_what_would_be_right() -> None:
    """A person reads the name, what is wrong, and what to give instead."""
    text = wrong_text({"WALLET_WIRE": "v2"})

    assert text.splitlines() == [
        "1 setting is wrong:",
        "  WALLET_WIRE: it should be 'auto', 'documented' or 'v1'. Give auto, documented, v1.",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("WALLET_BATCHMAX", "WALLET_BATCH_MAX"),
        ("WALLET_RETRY_DELAY_MS", "WALLET_RETRY_DELAYS_MS"),
        ("WALLET_PORT", "PORT"),
        ("WALLET_DATABASE_URL", "DATABASE_URL"),
    ],
)
def test_typing_mistake_is_an_error_with_a_guess(name: str, meant: str) -> None:
    """An unknown WALLET_ name is refused, with the name that was probably meant."""
    assert f"{name}: there is no such setting. Did you mean {meant}?" in wrong_text({name: "1"})


def test_unknown_name_without_a_guess() -> None:
    """An unknown WALLET_ name that resembles nothing points at the page of all settings."""
    assert "docs/configuration.md" in wrong_text({"WALLET_QQQQQ": "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WALLET_TEST_RABBITMQ_URL", "amqp://127.0.0.1"),
        ("WALLET_SERVICE_HOST", "10.0.0.7"),
        ("WALLET_SERVICE_PORT", "4003"),
        ("WALLET_SERVICE_PORT_HTTP", "4003"),
        ("WALLET_PORT", "tcp://10.0.0.7:4003"),
        ("WALLET_PORT_4003_TCP_ADDR", "10.0.0.7"),
        ("WALLET_V2_SERVICE_HOST", "10.0.0.8"),
    ],
)
def test_variables_of_platform_and_tests_are_left_alone(name: str, value: str) -> None:
    """What Kubernetes or Docker put beside a service named wallet, and what the tests read, stops no start."""
    assert load_settings({}) == load_settings({name: value})


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABASE_URL": f"mongodb://root:{PASSWORD}@db/books", "PORT": "x"},
        {"DATABASE_URL": f"mongodb://root:{PASSWORD}@db"},
        {"DATABASE_URL": f"mongodb://root:{PASSWORD}/1@db/books"},
        {"DATABASE_URL": f"mongodb://root:12/{PASSWORD}@db/books"},
        {"DATABASE_URL": f"mongodb://root:#{PASSWORD}@db/books"},
        {"DATABASE_URL": f"mongodb://root:a,b@{PASSWORD}@db/books"},
        {"DATABASE_URL": f"postgres://root:{PASSWORD}@db/books"},
        {"RABBITMQ_URL": f"http://guest:{PASSWORD}@rabbitmq"},
        {"RABBITMQ_URL": f"amqp://guest:12/{PASSWORD}@rabbitmq"},
        {"JWKS_ENDPOINT": f"http://root:{PASSWORD}@auth/keys"},
        {"PORT": PASSWORD, "LOG_LEVEL": PASSWORD, "WALLET_CURRENCY": PASSWORD, "INITIAL_WALLET_BALANCE": PASSWORD},
        {"CORS_ORIGIN": PASSWORD, "WALLET_TRUSTED_PROXIES": PASSWORD, "WALLET_RETRY_DELAYS_MS": PASSWORD},
        {"WALLET_PREFETCH": PASSWORD, "WALLET_JWT_ALGORITHMS": PASSWORD, "WALLET_UNKNOWN": PASSWORD},
    ],
)
def test_error_never_repeats_a_value(environ: dict[str, str]) -> None:
    """No part of a value reaches the error, whatever it was pasted into."""
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)

    assert PASSWORD not in f"{refused.value} {refused.value!r} {refused.value.__cause__!r}"


def test_settings_never_show_a_password() -> None:
    """Neither repr nor str nor a dump of the settings holds the password or the query of an address."""
    settings = load_settings(
        {
            "DATABASE_URL": f"mongodb://root:{PASSWORD}@db/books?tlsCertificateKeyFilePassword={PASSWORD}",
            "RABBITMQ_URL": f"amqps://guest:{PASSWORD}@rabbitmq/%2Fmint?password={PASSWORD}",
        }
    )

    shown = f"{settings!r} {settings!s} {settings.model_dump()} {settings.model_dump_json()}"

    assert PASSWORD not in shown
    assert "mongodb://root:***@db:27017/books" == settings.database_url.redacted
    assert "amqps://guest:***@rabbitmq/%2Fmint" == settings.rabbitmq_url.redacted


def test_settings_cannot_be_changed() -> None:
    """Settings are read once; nothing may change them afterwards."""
    settings = load_settings({})

    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_configuration_page_is_up_to_date() -> None:
    """docs/configuration.md is what the settings say (python -m entrypoints.settings > docs/configuration.md)."""
    assert page() == CONFIGURATION_PAGE.read_text(encoding="utf-8")


def test_configuration_page_shows_every_setting() -> None:
    """Each field of Settings is a row of the page, with its name in capitals and its default."""
    text = page()

    for field, info in Settings.model_fields.items():
        assert f"| `{field.upper()}`" in text
        assert f"| `{info.default}` |" in text
