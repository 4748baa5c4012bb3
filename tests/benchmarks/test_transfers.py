"""The load of a drain, and the check behind it."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.benchmarks.conservation import WrongRun, check_answers
from tests.benchmarks.costs import split
from tests.benchmarks.memory import quarter
from tests.benchmarks.transfers import Shape, draw, user_id


def test_what_is_drawn_moves_money_and_makes_none() -> None:
    """What all balances change by adds up to nothing, and half of the messages are of each vocabulary."""
    load = draw(Shape(transfers=100, wallets=10), seed=1)

    messages = [json.loads(body) for body in load.bodies]

    assert 0 == load.changes_minor.total()
    assert {"transfer": 50, "Transfer": 50} == Counter(message["type"] for message in messages)
    assert 100 == len({message["transactionId"] for message in messages})


def test_nobody_sends_to_himself() -> None:
    """Two wallets are enough for a load in which every transfer is applied."""
    load = draw(Shape(transfers=200, wallets=2), seed=1)

    parties = [json.loads(body) for body in load.bodies[::2]]

    assert all(message["userId"] != message["recipientId"] for message in parties)


def test_a_hot_wallet_takes_its_share() -> None:
    """With a share of 1 all transfers go to the first user."""
    load = draw(Shape(transfers=50, wallets=10, hot_share=1.0), seed=1)

    recipients = {json.loads(body).get("recipientId") or json.loads(body).get("toUserId") for body in load.bodies}

    assert {user_id(0)} == recipients


def test_an_answer_that_is_missing_or_failed_makes_the_run_wrong() -> None:
    """However fast it was."""
    well = {"answers": 3, "transactions": 3, "statuses": {"completed": 3}, "contradicted": 0}
    check_answers({**well, "repeated": 1}, 3)

    for wrong in ({"answers": 2}, {"statuses": {"completed": 2, "failed": 1}}, {"contradicted": 1}):
        with pytest.raises(WrongRun, match="answers"):
            check_answers({**well, **wrong}, 3)


def test_the_stages_and_the_rest_add_up_to_the_whole() -> None:
    """What one stage measures of another is counted once."""
    stages = {
        "receive": 60.0,
        "read JSON": 10.0,
        "read fields": 10.0,
        "decide": 50.0,
        "encode": 50.0,
        "books": 150.0,
        "relay": 10.0,
        "publish": 30.0,
        "acknowledge": 1.0,
    }

    parts = split(stages, whole=280.0)

    assert 280.0 == sum(parts.values())
    assert 50.0 == parts["receive"]
    assert 60.0 == parts["database"]


def test_flat_compares_the_last_quarter_with_the_second() -> None:
    """The first one fills what is filled once."""
    samples = [40.0, 60.0, 100.0, 100.0, 101.0, 100.0, 102.0, 104.0]

    assert 100.0 == quarter(samples, 2)
    assert 103.0 == quarter(samples, 4)
    assert 40.0 == quarter([40.0], 4)
