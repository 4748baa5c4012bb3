"""What a process shows of a fault: its log, its metrics, its readiness; each sign within SHOWN_S (invariant I13)."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.faults.metric import metric
from tests.fixtures.wallet_process import WalletProcess
from tests.neighbour import eventually

SHOWN_S = 15.0
"""How soon a fault must show, seconds (I13)."""

Line = dict[str, object]


class Signs:
    """The signs of one process from this moment on: make it before the fault."""

    def __init__(self, service: WalletProcess) -> None:
        """Begin now: lines that the process has written before do not count."""
        self._service = service
        self._began_at = datetime.now(UTC)

    def lines(self, event: str, **facts: object) -> list[Line]:
        """Give the lines of the log since then about an event, with these facts among theirs."""
        return [
            line
            for line in self._service.lines(event)
            if datetime.fromisoformat(str(line["timestamp"])) >= self._began_at
            and all(line.get(name) == value for name, value in facts.items())
        ]

    async def logged(self, event: str, **facts: object) -> Line:
        """Wait for such a line, and give the latest."""

        async def is_logged() -> bool:
            return bool(self.lines(event, **facts))

        await eventually(is_logged, f"a line {event} with {facts} in the log", SHOWN_S)
        return self.lines(event, **facts)[-1]

    async def not_ready(self, component: str = "rabbitmq") -> str:
        """Wait until readiness is red because of a component, and give the reason."""
        return await self._service.wait_not_ready(component, SHOWN_S)

    async def counted(self, name: str, above: float = 0.0) -> None:
        """Wait until a metric, which may be named with its labels, is above a number."""

        async def is_counted() -> bool:
            return await metric(self._service, name) > above

        await eventually(is_counted, f"{name} above {above}", SHOWN_S)
