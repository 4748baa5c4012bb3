"""``GET /api/v1/wallet/user/transactions``: rows, pages that neither repeat nor skip, filters, bad questions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.integration.http_service import STATEMENT, HttpService, http_service
from tests.scenario import ALICE, BOB, CAROL, failed_as, topup, transaction_id, transfer
from wallet_core.ledger import EntryKind


@pytest.fixture
def service() -> Iterator[HttpService]:
    """Run the service with wallets of Alice and Bob, both empty, at 2025-01-15T11:00:05.000Z."""
    with http_service() as running:
        running.scenario.open(ALICE, BOB)
        yield running


def post_history(service: HttpService, count: int) -> None:
    """Post top-ups of 1, 2, 3 ... dollars to Alice, a minute apart."""
    for number in range(1, count + 1):
        service.scenario.clock.advance(timedelta(minutes=1))
        service.scenario.post_one(topup(transaction_id(number), ALICE, number))


def amounts(service: HttpService, query: str = "") -> list[float]:
    """Ask for Alice's statement and give the amounts of its rows."""
    answer = service.get(f"{STATEMENT}{query}", ALICE)
    assert 200 == answer.status_code, answer.text
    return [row["amount"] for row in answer.json()["transactions"]]


def test_a_row_has_what_the_contract_says(service: HttpService) -> None:
    """A row is written field by field as promised, with amounts as exact numbers."""
    service.scenario.fund(ALICE, 100, transaction_id(1))
    service.scenario.clock.advance(timedelta(minutes=2))
    service.scenario.post_one(transfer(transaction_id(2), ALICE, BOB, 25).but(description="Lunch \N{TACO}"))
    wallet = service.scenario.wallet(ALICE)

    answer = service.get(STATEMENT, ALICE)

    assert (200, "application/json") == (answer.status_code, answer.headers["content-type"])
    assert (
        f'{{"transactions":[{{"id":"{wallet.id}-2","transactionId":"{transaction_id(2)}","type":"transfer",'
        f'"direction":"debit","amount":25.00,"balanceAfter":75.00,"counterpartyId":"{BOB}",'
        '"createdAt":"2025-01-15T11:02:05.000Z","description":"Lunch \N{TACO}"},'
        f'{{"id":"{wallet.id}-1","transactionId":"{transaction_id(1)}","type":"topup",'
        '"direction":"credit","amount":100.00,"balanceAfter":100.00,"counterpartyId":null,'
        '"createdAt":"2025-01-15T11:00:05.000Z"}],"nextCursor":null}'
    ) == answer.text


def test_both_sides_see_a_transfer_and_its_reversal(service: HttpService) -> None:
    """The recipient's rows mirror the sender's; a reversal is a row of its own and the first row stays."""
    service.scenario.fund(ALICE, 100)
    sent = transfer(transaction_id(2), ALICE, BOB, 25)
    service.scenario.post_one(sent)
    service.scenario.post_one(failed_as(sent))

    rows = service.get(STATEMENT, BOB).json()["transactions"]

    assert [("reversal", "debit", 25, 0), ("transfer", "credit", 25, 25)] == [
        (row["type"], row["direction"], row["amount"], row["balanceAfter"]) for row in rows
    ]
    assert {ALICE} == {row["counterpartyId"] for row in rows}


def test_a_statement_without_entries_is_empty(service: HttpService) -> None:
    """A wallet in which nothing has happened has one empty page."""
    assert {"transactions": [], "nextCursor": None} == service.get(STATEMENT, BOB).json()


def test_a_page_has_fifty_rows_unless_told_otherwise(service: HttpService) -> None:
    """The default page has the 50 newest rows, and a cursor because there are more."""
    post_history(service, 51)

    body = service.get(STATEMENT, ALICE).json()

    assert list(range(51, 1, -1)) == [row["amount"] for row in body["transactions"]]
    assert "2" == body["nextCursor"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 200])
def test_pages_join_without_a_seam(service: HttpService, limit: int) -> None:
    """Page by page, whatever their length, every row comes once and in order, and the last page says so."""
    post_history(service, 7)
    seen: list[float] = []
    cursor: str | None = ""

    for _ in range(8):  # one more than there are rows
        if cursor is None:
            break
        after = f"&cursor={cursor}" if cursor else ""
        body = service.get(f"{STATEMENT}?limit={limit}{after}", ALICE).json()
        seen += [row["amount"] for row in body["transactions"]]
        cursor = body["nextCursor"]

    assert [7, 6, 5, 4, 3, 2, 1] == seen
    assert cursor is None


def test_pages_stay_joined_while_money_moves(service: HttpService) -> None:
    """Rows that are recorded between two pages are on neither, and none of the older ones is repeated or left out."""
    post_history(service, 6)
    first = service.get(f"{STATEMENT}?limit=3", ALICE).json()
    service.scenario.post_one(transfer(transaction_id(100), ALICE, BOB, 9))
    service.scenario.post_one(topup(transaction_id(101), ALICE, 8))

    second = service.get(f"{STATEMENT}?limit=3&cursor={first['nextCursor']}", ALICE).json()

    rows = first["transactions"] + second["transactions"]
    assert [6, 5, 4, 3, 2, 1] == [row["amount"] for row in rows]
    assert second["nextCursor"] is None


def test_a_filtered_page_goes_on_too(service: HttpService) -> None:
    """A cursor of a filtered statement continues it, with what lies between left out."""
    for number in range(1, 5):
        service.scenario.post_one(topup(transaction_id(number), ALICE, 10 + number))
        service.scenario.post_one(transfer(transaction_id(100 + number), ALICE, BOB, number))

    first = service.get(f"{STATEMENT}?type=transfer&limit=3", ALICE).json()
    second = service.get(f"{STATEMENT}?type=transfer&limit=3&cursor={first['nextCursor']}", ALICE).json()

    assert [4, 3, 2] == [row["amount"] for row in first["transactions"]]
    assert [1] == [row["amount"] for row in second["transactions"]]
    assert second["nextCursor"] is None


def test_a_cursor_is_the_users_own_place(service: HttpService) -> None:
    """Another user's cursor shows nothing but the own rows."""
    post_history(service, 3)
    service.scenario.post_one(transfer(transaction_id(9), ALICE, BOB, 2))

    rows = service.get(f"{STATEMENT}?cursor=3", BOB).json()["transactions"]

    assert [2] == [row["amount"] for row in rows]
    assert {service.scenario.wallet(BOB).id} == {row["id"].rpartition("-")[0] for row in rows}


@pytest.mark.parametrize("cursor", ["1", "999999999999999999"])
def test_a_cursor_at_the_ends_is_no_error(service: HttpService, cursor: str) -> None:
    """Before the first row there is nothing; a cursor beyond the newest row shows the newest page."""
    post_history(service, 3)

    assert ([] if cursor == "1" else [3, 2, 1]) == amounts(service, f"?cursor={cursor}")


def test_only_one_type_is_shown_when_asked(service: HttpService) -> None:
    """Each type selects its own rows; one that has none gives an empty page."""
    service.scenario.fund(ALICE, 100)
    sent = transfer(transaction_id(2), ALICE, BOB, 25)
    service.scenario.post_one(sent)
    service.scenario.post_one(failed_as(sent))

    counts = {kind: len(amounts(service, f"?type={kind}")) for kind in EntryKind}

    assert {"opening": 0, "adopted": 0, "topup": 1, "transfer": 1, "reversal": 1} == counts


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("from=2025-01-15T11:02:05.000Z", [4, 3, 2]),
        ("from=2025-01-15T11:02:05.001Z", [4, 3]),
        ("from=2025-01-15T11:02:05.0000001Z", [4, 3]),
        ("to=2025-01-15T11:02:05.000Z", [1]),
        ("to=2025-01-15T11:02:05.000000001Z", [2, 1]),
        ("from=2025-01-15T11:02:05Z&to=2025-01-15T11:03:05Z", [2]),
        ("from=2025-01-15T11:02:05Z&to=2025-01-15T11:02:05Z", []),
        ("from=2025-01-15T12:02:05%2B01:00&to=2025-01-15T06:03:05-05:00", [2]),
        ("from=2025-01-15T12:02:05+01:00", [4, 3, 2]),
        ("from=2025-01-15t11:02z", [4, 3, 2]),
        ("from=2025-01-15", [4, 3, 2, 1]),
        ("to=2025-01-15", []),
        ("from=2025-01-16", []),
        ("from=2025-01-15&to=2025-01-16", [4, 3, 2, 1]),
        ("from=0001-01-01&to=9999-12-31", [4, 3, 2, 1]),
        ("from=2024-02-29", [4, 3, 2, 1]),
        ("type=topup&from=2025-01-15T11:02:05Z&limit=2", [4, 3]),
    ],
)
def test_only_a_span_of_time_is_shown_when_asked(service: HttpService, query: str, expected: list[float]) -> None:
    """Rows are at 11:01:05, 11:02:05 ...: ``from`` is included, ``to`` is not, a date is its midnight in UTC."""
    post_history(service, 4)

    assert expected == amounts(service, f"?{query}")


LIMIT = "limit must be a whole number from 1 to 200"
CURSOR = "cursor must be the nextCursor of an earlier page"
TYPE = "type must be one of opening, adopted, topup, transfer, reversal"
FROM = "from must be a date (2025-01-15) or an instant with its offset (2025-01-15T10:30:00Z)"
NAMES = "use limit, cursor, type, from, to"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        *(
            (f"limit={quote(value)}", LIMIT)
            for value in ("0", "201", "-1", "+5", "5.0", "1e1", "abc", " 5", "٣", "9" * 99)
        ),
        *((f"cursor={quote(value)}", CURSOR) for value in ("0", "-1", "07", "1.0", "abc", "1 ", "9" * 19, "null")),
        *((f"type={quote(value)}", TYPE) for value in ("payment", "TOPUP", "topup,transfer", '{"$gt": ""}')),
        *(
            (f"from={quote(value)}", FROM)
            for value in (
                "yesterday",
                "2025-13-01",
                "2025-02-30",
                "2025-1-1",
                "20250115",
                "2025-W03-3",
                "2025-01-15T10:30:00",
                "2025-01-15T24:00:00Z",
                "2025-01-15T10:30:60Z",
                "2025-01-15T10:30:00+99:00",
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59.9999Z",
                "1736937005",
                "\N{FULLWIDTH DIGIT TWO}025-01-15",
            )
        ),
        ("to=never", FROM.replace("from", "to", 1)),
        ("from=2025-01-16&to=2025-01-15", "from must not be later than to"),
        ("limit=0&type=x", f"{LIMIT}; {TYPE}"),
        ("limit=", "limit is empty: give a value, or leave the parameter out"),
        ("limit", "limit is empty: give a value, or leave the parameter out"),
        ("limit=5&limit=5", "limit is given more than once"),
        ("cursor=3&limit=5&cursor=4", "cursor is given more than once"),
        ("page=2", f"There is no parameter 'page': {NAMES}"),
        ("Limit=2", f"There is no parameter 'Limit': {NAMES}"),
        ("limit[]=2", f"There is no parameter 'limit[]': {NAMES}"),
        ("kind=topup", f"There is no parameter 'kind': {NAMES}"),
        ("recorded_from=2025-01-15", f"There is no parameter 'recorded_from': {NAMES}"),
        ("=5", f"There is no parameter '': {NAMES}"),
        (f"{'n' * 99}=5", f"There is no parameter '{'n' * 32}': {NAMES}"),
        (f"limit=5&{'&' * 600}", "The query string is longer than 512 bytes"),
    ],
)
def test_a_bad_question_is_told_what_is_wrong(service: HttpService, query: str, text: str) -> None:
    """A parameter that cannot be used is a 400 whose text says which one, and what would do."""
    answer = service.get(f"{STATEMENT}?{query}", ALICE)

    assert (400, {"error": text}) == (answer.status_code, answer.json())


@pytest.mark.parametrize(
    "query", ["%00=1", "limit=%00", "from=%FF%FE", "%ED%A0%80=1", "type=%F0%9F%92%B0", "&&&=&", "%"]
)
def test_odd_bytes_are_only_a_bad_question(service: HttpService, query: str) -> None:
    """Whatever bytes a query holds, the answer is a well-formed 400."""
    answer = service.get(f"{STATEMENT}?{query}", ALICE)

    assert 400 == answer.status_code
    assert {"error"} == answer.json().keys()


def test_a_question_without_parameters_may_end_in_a_question_mark(service: HttpService) -> None:
    """An empty query string, or one of separators alone, asks for nothing special."""
    assert [] == amounts(service, "?") == amounts(service, "?&")


def test_who_is_asking_comes_first(service: HttpService) -> None:
    """A stranger learns nothing about parameters; a user without a wallet is told so."""
    assert 401 == service.get(f"{STATEMENT}?limit=0").status_code
    assert (404, {"error": "Wallet not found"}) == (
        (answer := service.get(STATEMENT, CAROL)).status_code,
        answer.json(),
    )


def test_a_page_is_not_sent_twice(service: HttpService) -> None:
    """A page has an entity tag as well: 304 while no row has been added, 200 after that."""
    post_history(service, 2)
    tag = service.get(STATEMENT, ALICE).headers["etag"]

    unchanged = service.get(STATEMENT, ALICE, if_none_match=tag)
    service.scenario.post_one(topup(transaction_id(9), ALICE, 1))
    changed = service.get(STATEMENT, ALICE, if_none_match=tag)

    assert (304, 200) == (unchanged.status_code, changed.status_code)


def test_head_works(service: HttpService) -> None:
    """HEAD has the status of GET, good or bad."""
    headers = {"authorization": f"Bearer {service.token(ALICE)}"}

    assert 200 == service.client.head(STATEMENT, headers=headers).status_code
    assert 400 == service.client.head(f"{STATEMENT}?limit=0", headers=headers).status_code
