"""``WALLET_WIRE``: answers in one vocabulary, whatever the question came in. For ``auto`` see ``test_samples.py``."""

from __future__ import annotations

import pytest

from tests.e2e.deployment import Site, deployed, new_id
from tests.scenario import failed, topup, topup_v1
from wallet_core import Vocabulary

DOCUMENTED, V1 = Vocabulary.DOCUMENTED, Vocabulary.V1


@pytest.mark.parametrize(
    ("wire", "expected"),
    [("documented", (DOCUMENTED,) * 3), ("v1", (V1,) * 3)],
)
async def test_answers_are_in_the_vocabulary_of_the_setting(
    site: Site, wire: str, expected: tuple[Vocabulary, Vocabulary, Vocabulary]
) -> None:
    """A forced vocabulary is that of every answer, also after a reversal."""
    user_id, documented_id, v1_id = new_id(), new_id(), new_id()
    async with deployed(site, {"WALLET_WIRE": wire}) as wallet:
        await wallet.open(user_id)
        await wallet.send(topup(documented_id, user_id, 1), topup_v1(v1_id, user_id, 1))
        answers = [await wallet.answers.last(documented_id), await wallet.answers.last(v1_id)]
        await wallet.send(failed(v1_id).but(type="TopUp"))
        answers.append(await wallet.answers.last(v1_id, revision=2))

    assert expected == tuple(answer.vocabulary for answer in answers)
