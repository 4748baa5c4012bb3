"""The intake, telling its ports what the books alone do not say, for the watch."""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulation.broker_port import BrokerPort
from tests.simulation.skewed_clock import SkewedClock
from tests.simulation.store_port import StorePort
from wallet_core import Delivery, FreshAnswers, Intake, Outcome, Plan, Policy, Request


class WatchedIntake(Intake):
    """The intake, telling the ports what the books alone do not say: which requests it posts, when a wait is over."""

    def __init__(
        self, port: StorePort, clock: SkewedClock, policy: Policy, broker: BrokerPort, fresh_answers: FreshAnswers
    ) -> None:
        """Take the ports of one process."""
        super().__init__(port, clock, policy, broker, fresh_answers=fresh_answers)
        self._port = port
        self._broker = broker

    async def _wait_is_over(self, deliveries: Sequence[Delivery]) -> bool:
        is_over = await super()._wait_is_over(deliveries)
        if is_over:
            self._broker.check_end_of_wait()
        return is_over

    async def _post_once(self, requests: Sequence[Request], plan: Plan | None = None) -> Sequence[Outcome]:
        self._port.posting = requests
        return await super()._post_once(requests, plan)
