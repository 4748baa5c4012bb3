"""The text of one setting -> its typed value: what each one takes, and what it refuses."""

from decimal import Decimal
from ipaddress import ip_address

import pytest

from adapters.http.tokens import ALGORITHMS_USABLE
from entrypoints.setting_values import JWT_ALGORITHMS
from entrypoints.settings import load_settings
from entrypoints.settings_error import SettingsError
from entrypoints.start_warnings import start_warnings
from wallet_core.money import Currency


def wrong_names(environ: dict[str, str]) -> list[str]:
    """Load an environment that must be refused; returns the names that the error lists."""
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    return [problem.name for problem in refused.value.problems]


@pytest.mark.parametrize(("code", "exponent"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("IQD", 3), ("HUF", 2)])
def test_currency_has_the_decimals_of_iso_4217(code: str, exponent: int) -> None:
    """The number of decimals is that of the standard, also where customs differ (IQD, HUF)."""
    assert Currency(code, exponent) == load_settings({"WALLET_CURRENCY": code}).wallet_currency


def test_every_algorithm_that_tokens_may_have_can_be_set() -> None:
    """The setting takes what the check of tokens can use, and nothing else."""
    assert ALGORITHMS_USABLE == set(JWT_ALGORITHMS)


@pytest.mark.parametrize("code", ["usd", "DOLLAR", "ZZZ", "XAU"])
def test_currency_that_cannot_be_counted_is_refused(code: str) -> None:
    """A code that the standard does not know, or knows without a minor unit (gold), is refused."""
    assert ["WALLET_CURRENCY"] == wrong_names({"WALLET_CURRENCY": code})


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [("0", "USD", 0), ("0.000", "JPY", 0), ("100", "USD", 10_000), ("100.50", "USD", 10_050), ("1.001", "KWD", 1_001)],
)
def test_opening_balance_is_exact(text: str, currency: str, amount_minor: int) -> None:
    """Major units become minor units of the deployment's currency, without a float in between."""
    settings = load_settings({"INITIAL_WALLET_BALANCE": text, "WALLET_CURRENCY": currency})

    assert amount_minor == settings.initial_wallet_balance.amount_minor
    assert currency == settings.initial_wallet_balance.currency.code


@pytest.mark.parametrize("text", ["-1", "0.001", "1e999999", "NaN", "Infinity", "ten", "0x10", "10000000000001"])
def test_opening_balance_that_is_no_exact_amount_is_refused(text: str) -> None:
    """A balance below zero, finer than the currency, too large or no number is refused, and quickly."""
    assert ["INITIAL_WALLET_BALANCE"] == wrong_names({"INITIAL_WALLET_BALANCE": text})


def test_opening_balance_is_checked_beside_a_wrong_currency() -> None:
    """A currency that cannot be read does not hide a wrong balance."""
    environ = {"WALLET_CURRENCY": "ZZZ", "INITIAL_WALLET_BALANCE": "1.00001"}

    assert ["WALLET_CURRENCY", "INITIAL_WALLET_BALANCE"] == wrong_names(environ)


def test_left_over_opening_balance_is_warned_about() -> None:
    """A balance that makes money gives a warning with the amount; no balance gives none."""
    (warning,) = start_warnings(load_settings({"INITIAL_WALLET_BALANCE": "25"}))

    assert "INITIAL_WALLET_BALANCE" in warning
    assert f"{Decimal('25.00')} USD" in warning
    assert () == start_warnings(load_settings({"INITIAL_WALLET_BALANCE": "0.00"}))


@pytest.mark.parametrize(
    ("batch_max", "prefetch", "expected"),
    [("", "", 9_000), ("5000", "", 15_000), ("1", "1", 1), ("10", "65535", 65_535)],
)
def test_prefetch_holds_at_least_a_batch(batch_max: str, prefetch: str, expected: int) -> None:
    """The prefetch is three times the batch unless it is given, and it may be as small as the batch."""
    settings = load_settings({"WALLET_BATCH_MAX": batch_max, "WALLET_PREFETCH": prefetch})

    assert expected == settings.wallet_prefetch


@pytest.mark.parametrize(("batch_max", "prefetch"), [("500", "499"), ("1", "65536"), ("1", "0"), ("1", "all")])
def test_prefetch_that_cannot_work_is_refused(batch_max: str, prefetch: str) -> None:
    """A prefetch below the batch or above what AMQP carries is refused."""
    assert ["WALLET_PREFETCH"] == wrong_names({"WALLET_BATCH_MAX": batch_max, "WALLET_PREFETCH": prefetch})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("WALLET_BATCH_MAX", "0"),
        ("WALLET_BATCH_MAX", "5001"),
        ("WALLET_RETRY_DELAYS_MS", "0"),
        ("WALLET_RETRY_DELAYS_MS", "1000,,5000"),
        ("WALLET_RETRY_DELAYS_MS", "86400001"),
        ("WALLET_RETRY_DELAYS_MS", ",".join(["1"] * 11)),
        ("WALLET_PARTITIONS", "1000"),
        ("WALLET_PARTITIONS", "-1"),
        ("WALLET_PARTITIONS", "01"),
        ("WALLET_PARTITIONS", "0,1,0"),
        ("WALLET_PARTITIONS", "0,none"),
        ("WALLET_PARTITIONS", ",".join(map(str, range(17)))),
        ("WALLET_JWT_ALGORITHMS", "none"),
        ("WALLET_JWT_ALGORITHMS", "RS256,HS256"),
        ("WALLET_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("WALLET_TRUSTED_PROXIES", "gateway"),
        ("CORS_ORIGIN", "https://app.example.com/"),
        ("CORS_ORIGIN", "app.example.com"),
        ("CORS_ORIGIN", "*,https://app.example.com"),
        ("LOG_LEVEL", "loud"),
        ("RATE_LIMIT_MAX", "0"),
        ("RATE_LIMIT_WINDOW_MS", "999"),
        ("WALLET_SHUTDOWN_GRACE_MS", "-1"),
    ],
)
def test_value_outside_its_bounds_is_refused(name: str, text: str) -> None:
    """Every bound and every list is checked before anything starts."""
    assert [name] == wrong_names({name: text})


def test_lists_are_read_with_or_without_spaces() -> None:
    """Commas part the items, and spaces around an item do not belong to it."""
    settings = load_settings(
        {
            "CORS_ORIGIN": "https://app.example.com, http://localhost:3000",
            "WALLET_RETRY_DELAYS_MS": "100, 200",
            "WALLET_JWT_ALGORITHMS": "RS256, ES256",
            "WALLET_PARTITIONS": "0, 999",
        }
    )

    assert ("https://app.example.com", "http://localhost:3000") == settings.cors_origin
    assert (100, 200) == settings.wallet_retry_delays_ms
    assert ("RS256", "ES256") == settings.wallet_jwt_algorithms
    assert (0, 999) == settings.wallet_partitions


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [("10.1.2.3", True), ("172.31.0.1", True), ("127.0.0.1", True), ("172.32.0.1", False), ("::1", True)],
)
def test_private_ranges_are_trusted_proxies(peer: str, trusted: bool) -> None:  # noqa: FBT001 - a column of the table
    """Peers in private ranges are believed by default, others are not."""
    networks = load_settings({}).wallet_trusted_proxies

    assert trusted == any(ip_address(peer) in network for network in networks)


def test_a_process_has_no_partition_by_default() -> None:
    """It consumes the shared queues alone, as ever."""
    assert () == load_settings({}).wallet_partitions


def test_no_proxy_can_be_trusted() -> None:
    """The word none trusts nobody, which an empty variable could not say."""
    assert () == load_settings({"WALLET_TRUSTED_PROXIES": "none"}).wallet_trusted_proxies


@pytest.mark.parametrize(("given", "level"), [("WARN", "warning"), ("Debug", "debug"), ("error", "error")])
def test_log_level_is_read_in_any_case(given: str, level: str) -> None:
    """Upper case is fine, and warn is warning."""
    assert level == load_settings({"LOG_LEVEL": given}).log_level
