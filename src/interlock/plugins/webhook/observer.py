"""Hands what happens to every receiver, and counts what became of it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import get_args

import aiohttp
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from interlock.core.happenings import AnyHappening
from interlock.core.problems import PermanentError, shown
from interlock.host import files
from interlock.plugins.contract import ObserverContext
from interlock.plugins.webhook.receiver import Receiver
from interlock.plugins.webhook.settings import WebhookSettings
from interlock.plugins.webhook.signing import read_key

KINDS = frozenset(kind.__name__ for kind in get_args(AnyHappening))
ALL = "*"
USER_AGENT = "interlock-webhook"


class Webhook(Collector):
    """Several receivers, none of which waits for another."""

    def __init__(self, context: ObserverContext) -> None:
        """Raises PermanentError: there is no URL, no key, or no such kind."""
        settings: WebhookSettings = context.settings
        if not settings.urls:
            raise PermanentError("webhook has nobody to tell", fix="set WEBHOOK_URLS to a URL, or leave webhook out")
        self._kinds = _kinds(settings.kinds)
        key = read_key(_secret(settings, context.state_dir))
        self._receivers = [Receiver(url, key, settings) for url in dict.fromkeys(settings.urls)]
        context.metrics.register(self)

    async def run(self, news: AsyncIterator[AnyHappening]) -> None:
        async with (
            aiohttp.ClientSession(headers={"User-Agent": USER_AGENT}) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for receiver in self._receivers:
                tasks.create_task(receiver.run(session), name=f"webhook {receiver.name}")
            async for happening in news:
                if type(happening).__name__ in self._kinds:
                    self._tell(happening)

    def collect(self) -> Iterable[Metric]:
        labels = ["receiver"]
        delivered = CounterMetricFamily("interlock_webhook_delivered", "Messages that were taken.", labels=labels)
        dropped = CounterMetricFamily("interlock_webhook_dropped", "Messages that were given up.", labels=labels)
        waiting = GaugeMetricFamily("interlock_webhook_waiting", "Messages not taken yet.", labels=labels)
        for number, receiver in enumerate(self._receivers, 1):
            name = [f"{number} {receiver.name}"]
            delivered.add_metric(name, receiver.delivered)
            dropped.add_metric(name, receiver.dropped)
            waiting.add_metric(name, receiver.waiting)
        return delivered, dropped, waiting

    def _tell(self, happening: AnyHappening) -> None:
        for receiver in self._receivers:
            receiver.tell(happening)


def _kinds(names: Iterable[str]) -> frozenset[str]:
    chosen = frozenset(names)
    if ALL in chosen:
        return KINDS
    if unknown := chosen - KINDS:
        raise PermanentError(
            f"nothing of the kind {shown(min(unknown))} ever happens", fix=f"choose among {', '.join(sorted(KINDS))}"
        )
    return chosen


def _secret(settings: WebhookSettings, state_dir: Path) -> str:
    if settings.secret and settings.secret_file:
        raise PermanentError("webhook has two secrets", fix="set WEBHOOK_SECRET or WEBHOOK_SECRET_FILE, not both")
    if settings.secret:
        return settings.secret
    if not settings.secret_file:
        return files.secret(state_dir / "secret")
    text = files.read(Path(settings.secret_file))
    if text is None:
        raise PermanentError(f"there is no {settings.secret_file}", fix="write the webhook's secret into it")
    return text
