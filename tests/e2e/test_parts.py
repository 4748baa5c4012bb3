"""``wallet consume`` and ``wallet serve``: the parts of the drop-in as processes of their own, on the same books."""

from __future__ import annotations

from tests.e2e.deployment import WALLET, Site, deployed, new_id
from tests.fixtures.wallet_process import WalletProcess
from tests.scenario import signup, topup

ORIGIN = "https://app.example.com"
MANNERS = {"WALLET_HTTP_ERRORS": "v1", "RATE_LIMIT_MAX": "3", "CORS_ORIGIN": ORIGIN}


async def test_one_process_consumes_and_another_serves(site: Site) -> None:
    """What one has posted and answered, the other reads; one needs RabbitMQ, the other shows wallets."""
    user_id, transaction_id = new_id(), new_id()
    async with (
        deployed(site, started=False) as wallet,
        WalletProcess(wallet.folder / "serve", wallet.settings) as serving,
    ):
        headers = {"authorization": f"Bearer {wallet.token(user_id)}"}
        await serving.start("serve")
        await wallet.process.start("consume")
        await wallet.send(signup(user_id), topup(transaction_id, user_id, 5))
        answer = await wallet.answers.last(transaction_id)
        served, not_here = await serving.http.get(WALLET, headers=headers), await wallet.get(WALLET, **headers)
        readiness = await serving.http.get("/health/ready"), await wallet.get("/health/ready")
        consumers = await wallet.neighbour.consumers("wallet.update.q")
        ended = await serving.terminate(), await wallet.process.terminate()

    assert answer.read.is_completed
    assert (200, 5.0, 404) == (served.status_code, served.json()["balance"], not_here.status_code)
    assert [False, True] == ["rabbitmq" in ready.json()["components"] for ready in readiness]
    assert 1 == consumers
    assert (0, 0) == ended


async def test_a_deployment_chooses_the_manners_of_its_http(site: Site) -> None:
    """``wallet serve`` speaks v1's errors when told to, lets a listed origin in, and limits each client by itself."""
    async with deployed(site, MANNERS, started=False) as wallet:
        await wallet.process.start("serve")
        headers = {"authorization": f"Bearer {wallet.token(new_id())}", "origin": ORIGIN}
        missing, unauthorized = await wallet.get(WALLET, **headers), await wallet.get(WALLET)
        await wallet.get(WALLET)
        limited = await wallet.get(WALLET, **headers)
        of_another_client = await wallet.get(WALLET, **headers, **{"x-forwarded-for": "198.51.100.7"})
        health = await wallet.get("/health")

    assert {"error": {"message": "Wallet not found", "status": 404}} == missing.json()
    assert {"error": {"message": "Unauthorized", "status": 401}} == unauthorized.json()
    assert ("3", "2") == (missing.headers["ratelimit-limit"], missing.headers["ratelimit-remaining"])
    assert ORIGIN == missing.headers["access-control-allow-origin"]
    assert "true" == missing.headers["access-control-allow-credentials"]
    assert (429, "Too Many Requests") == (limited.status_code, limited.json()["error"]["message"])
    assert int(limited.headers["retry-after"]) > 0
    assert (404, 200) == (of_another_client.status_code, health.status_code)
