"""How a message of a wave ends: only the broker's own word is a confirm, and only while somebody waits for it."""

from __future__ import annotations

import weakref

from adapters.rabbitmq.wave import Confirmation


def test_only_an_answer_is_a_confirm() -> None:
    """What is open, given up, or has failed was not taken by the broker as far as anybody knows."""
    heard: list[str] = []
    opened, given_up, failed, confirmed = (Confirmation(lambda: heard.append("an end")) for _ in range(4))

    given_up.give_up()
    failed.set_exception(ConnectionError("cut"))
    confirmed.set_result(None)

    every = (opened, given_up, failed, confirmed)
    assert [False, False, False, True] == [one.is_confirmed for one in every]
    assert [False, True, True, True] == [one.done() for one in every]
    assert [False, True, False, False] == [one.cancelled() for one in every]
    assert ["an end"] * 2 == heard


def test_the_first_end_counts() -> None:
    """An answer that comes after the wait, or after another one, changes nothing."""
    late, twice = Confirmation(lambda: None), Confirmation(lambda: None)

    late.give_up()
    late.set_result(None)
    twice.set_exception(ConnectionError("came back"))
    twice.set_result(None)
    twice.give_up()

    assert [False, False] == [late.is_confirmed, twice.is_confirmed]
    assert [True, False] == [late.cancelled(), twice.cancelled()]


def test_who_has_ended_holds_nobody() -> None:
    """A wave holds its confirmations: if they held it too, its messages would stay until the collector comes by."""
    wave = Heard()
    confirmation = Confirmation(wave.hear)
    left = weakref.ref(wave)

    confirmation.give_up()
    del wave

    assert left() is None


class Heard:
    """Hears of an end."""

    def hear(self) -> None:
        """Hear."""
