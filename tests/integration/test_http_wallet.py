"""``GET /api/v1/wallet/user``: whose wallet, in which exact bytes, and what a browser may keep of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest

from adapters.http.representations import exact_instant, exact_number
from tests.integration.http_service import AUDIENCE, ISSUER, WALLET, HttpService, http_service
from tests.scenario import ALICE, BOB, CAROL, topup, transaction_id, transfer
from wallet_core.fields import iso_milliseconds
from wallet_core.money import AMOUNT_MINOR_MAX, Currency, major_units


@pytest.fixture
def service() -> Iterator[HttpService]:
    """Run the service with the wallets of Alice, who has 150 dollars, and of Bob, who has none."""
    with http_service() as running:
        running.scenario.open(ALICE, BOB)
        running.scenario.clock.advance(timedelta(minutes=5))
        running.scenario.fund(ALICE, 150)
        yield running


def test_the_body_is_the_contract_to_the_byte(service: HttpService) -> None:
    """A wallet has the contract's fields, the balance as an exact number with all decimals, currency and version."""
    wallet = service.scenario.wallet(ALICE)

    answer = service.get(WALLET, ALICE)

    assert 200 == answer.status_code
    assert "application/json" == answer.headers["content-type"]
    assert (
        f'{{"id":"{wallet.id}","userId":"{ALICE}","balance":150.00,"createdAt":"2025-01-15T11:00:05.000Z",'
        '"updatedAt":"2025-01-15T11:05:05.000Z","currency":"USD","version":1}'
    ) == answer.text


def test_an_empty_wallet_is_a_wallet(service: HttpService) -> None:
    """A wallet without an entry has balance 0.00 and version 0, and was last changed when it was opened."""
    body = service.get(WALLET, BOB).json()

    assert (0, 0) == (body["balance"], body["version"])
    assert body["createdAt"] == body["updatedAt"]


@pytest.mark.parametrize(
    ("currency", "amount_minor", "text"),
    [
        (Currency("USD", 2), 5, "0.05"),
        (Currency("USD", 2), -150_25, "-150.25"),
        (Currency("USD", 2), AMOUNT_MINOR_MAX, "10000000000000.00"),
        (Currency("USD", 2), AMOUNT_MINOR_MAX - 1, "9999999999999.99"),
        (Currency("JPY", 0), 0, "0"),
        (Currency("JPY", 0), -7, "-7"),
        (Currency("KWD", 3), 1, "0.001"),
        (Currency("CLF", 4), 123_456, "12.3456"),
        (Currency("CLF", 4), -1, "-0.0001"),
    ],
)
def test_numbers_are_exact(currency: Currency, amount_minor: int, text: str) -> None:
    """Any amount of any currency is written digit by digit, as the core's own arithmetic gives it."""
    written = orjson.dumps(exact_number(amount_minor, currency.exponent)).decode()

    assert text == written
    assert text == str(major_units(amount_minor, currency))


@pytest.mark.parametrize("microsecond", [0, 1_000, 120_000, 999_000, 999_999])
@pytest.mark.parametrize("year", [1, 1969, 2025, 9999])
def test_instants_are_those_of_the_core(year: int, microsecond: int) -> None:
    """An instant is written as the core writes it everywhere else: in UTC, with milliseconds, however it came."""
    instant = datetime(year, 6, 15, 12, 0, 9, microsecond, tzinfo=UTC)
    elsewhere = instant.astimezone(timezone(timedelta(hours=-3)))

    for written in (exact_instant(instant), exact_instant(elsewhere)):
        assert f'"{iso_milliseconds(instant)}"' == orjson.dumps(written).decode()


@pytest.mark.parametrize(("currency", "text"), [(Currency("JPY", 0), "1500"), (Currency("CLF", 4), "1500.0000")])
def test_the_balance_has_the_decimals_of_its_currency(currency: Currency, text: str) -> None:
    """A balance in yen has no decimals, one in CLF has four."""
    with http_service(currency=currency) as service:
        service.scenario.open(ALICE)
        service.scenario.fund(ALICE, 1500)

        answer = service.get(WALLET, ALICE)

    assert f'"balance":{text},' in answer.text
    assert f'"currency":"{currency.code}"' in answer.text


def test_nobody_reads_another_ones_wallet(service: HttpService) -> None:
    """The token alone decides whose wallet is read; naming somebody else changes nothing."""
    mallory = service.get(f"{WALLET}?userId={ALICE}", BOB, x_user_id=ALICE)

    assert BOB == mallory.json()["userId"]
    assert 404 == service.get(f"{WALLET}/{ALICE}", BOB).status_code


@pytest.mark.parametrize("cookie", ["mint_session", "access.token"])
def test_the_cookies_of_both_vocabularies_are_read(service: HttpService, cookie: str) -> None:
    """The session cookie of the documents and that of v1 both say who is asking."""
    answer = service.get(WALLET, cookie=f"theme=dark; {cookie}={service.token(ALICE)}")

    assert ALICE == answer.json()["userId"]


def test_several_cookie_headers_are_read(service: HttpService) -> None:
    """A proxy may split the cookies into several headers; all of them count."""
    headers = [("cookie", "theme=dark"), ("cookie", f"mint_session={service.token(ALICE)}"), ("cookie", "lang=en")]

    assert ALICE == service.client.get(WALLET, headers=headers).json()["userId"]


def test_the_first_authorization_counts(service: HttpService) -> None:
    """A second header of that name, which nobody who means well sends, changes nothing."""
    headers = [("authorization", f"Bearer {service.token(user_id)}") for user_id in (ALICE, BOB)]

    assert ALICE == service.client.get(WALLET, headers=headers).json()["userId"]


def test_a_v1_token_is_read(service: HttpService) -> None:
    """A token whose user id is in v1's claim says who is asking."""
    token = service.key.token(ALICE, ISSUER, AUDIENCE, claims="v1")

    assert ALICE == service.get(WALLET, authorization=f"Bearer {token}").json()["userId"]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer \xff"])
def test_without_a_good_token_there_is_nothing(service: HttpService, authorization: str) -> None:
    """A missing, odd or bad token is a 401 that names the scheme to use and keeps nothing."""
    answer = service.client.get(WALLET, headers=[(b"authorization", authorization.encode("latin-1"))])

    assert (401, {"error": "Unauthorized"}) == (answer.status_code, answer.json())
    assert "Bearer" == answer.headers["www-authenticate"]
    assert "no-store" == answer.headers["cache-control"]


def test_a_user_without_a_wallet_is_told_so(service: HttpService) -> None:
    """Who has signed up nowhere gets 404."""
    answer = service.get(WALLET, CAROL)

    assert (404, {"error": "Wallet not found"}) == (answer.status_code, answer.json())


def test_a_wallet_that_waits_for_a_person_is_not_shown(service: HttpService) -> None:
    """A wallet that could not be adopted exactly has no balance that anybody may believe."""
    service.scenario.store.suspend(CAROL)

    assert 404 == service.get(WALLET, CAROL).status_code


def test_a_browser_may_keep_it_but_must_ask(service: HttpService) -> None:
    """The answer is for this user alone and needs to be checked each time."""
    answer = service.get(WALLET, ALICE)

    assert "private, no-cache" == answer.headers["cache-control"]
    assert "Authorization, Cookie" == answer.headers["vary"]


@pytest.mark.parametrize("form", ["{tag}", "W/{tag}", '"other", {tag}', '"other",W/{tag}', "*"])
def test_what_a_browser_holds_is_not_sent_again(service: HttpService, form: str) -> None:
    """With the entity tag in If-None-Match, in any form that the standard allows, the answer is 304 and has no body."""
    tag = service.get(WALLET, ALICE).headers["etag"]

    answer = service.get(WALLET, ALICE, if_none_match=form.format(tag=tag))

    assert (304, b"") == (answer.status_code, answer.content)
    assert tag == answer.headers["etag"]
    assert "private, no-cache" == answer.headers["cache-control"]
    assert "Authorization, Cookie" == answer.headers["vary"]
    assert "content-type" not in answer.headers


def test_a_moved_cent_is_sent(service: HttpService) -> None:
    """As soon as the balance has changed, the old entity tag does not fit any more."""
    tag = service.get(WALLET, ALICE).headers["etag"]
    service.scenario.post_one(transfer(transaction_id(1), ALICE, BOB, 1))

    answer = service.get(WALLET, ALICE, if_none_match=tag)

    assert 200 == answer.status_code
    assert '"balance":149.00' in answer.text


def test_entity_tags_of_two_users_differ(service: HttpService) -> None:
    """Two users of one browser never get each other's wallet by a 304, however alike the wallets are."""
    service.scenario.post_one(topup(transaction_id(1), BOB, 150))
    tag = service.get(WALLET, ALICE).headers["etag"]

    assert 200 == service.get(WALLET, BOB, if_none_match=tag).status_code


def test_head_tells_what_get_would(service: HttpService) -> None:
    """HEAD has the status and the headers of GET."""
    got = service.get(WALLET, ALICE)

    asked = service.client.head(WALLET, headers={"authorization": f"Bearer {service.token(ALICE)}"})

    assert 200 == asked.status_code
    assert (got.headers["etag"], got.headers["content-length"]) == (
        asked.headers["etag"],
        asked.headers["content-length"],
    )
