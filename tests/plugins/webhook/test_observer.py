"""Receivers are told, in order and signed; one that fails is tried again, and none waits for another."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from interlock.core.happenings import ApplyFailed, EngineLost, EngineRecovered
from interlock.core.problems import PermanentError
from interlock.plugins.webhook import PLUGIN, receiver
from interlock.plugins.webhook.settings import WebhookSettings
from interlock.plugins.webhook.signing import read_key, signed_headers

SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"


class Inbox:
    """A receiver that answers what the test says, and 204 after that."""

    def __init__(self):
        self.url = ""
        self.answers = []
        self.held = asyncio.Event()
        self.held.set()
        self.messages = []
        self.headers = []

    async def take(self, request):
        await self.held.wait()
        body = await request.read()
        self.headers.append(request.headers)
        status = self.answers.pop(0) if self.answers else 204
        if status < 300:
            self.messages.append(msgspec.json.decode(body))
        signed = signed_headers(
            read_key(SECRET),
            message_id=request.headers["Webhook-Id"],
            timestamp=int(request.headers["Webhook-Timestamp"]),
            body=body,
        )
        assert request.headers["Webhook-Signature"] == signed["Webhook-Signature"]
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    @property
    def engines(self):
        return [message["happening"]["engine"] for message in self.messages]

    @asynccontextmanager
    async def serve(self):
        app = web.Application()
        app.router.add_post("/hook", self.take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/hook?token=hidden"
        try:
            yield self
        finally:
            self.held.set()
            await runner.cleanup()


@pytest.fixture
async def inbox(monkeypatch):
    monkeypatch.setattr(receiver, "FIRST_PAUSE", 0.01)
    async with Inbox().serve() as inbox:
        yield inbox


def webhook(scene, *urls, **settings):
    return PLUGIN.build(scene.context(WebhookSettings(**{"urls": urls, "secret": SECRET} | settings)))


def lost(engine="docker"):
    return EngineLost(at=1000.5, engine=engine, reason="no route to host")


async def test_a_happening_arrives_signed_with_its_kind_and_content(scene, inbox):
    async with scene.running(webhook(scene, inbox.url)):
        scene.tell(lost())
        await scene.until(lambda: inbox.messages)
    (message,) = inbox.messages
    assert message["kind"] == "EngineLost"
    assert message["at"] == 1000.5
    assert message["dropped"] == 0
    assert message["happening"] == {
        "kind": "EngineLost",
        "at": 1000.5,
        "engine": "docker",
        "reason": "no route to host",
    }
    assert inbox.headers[0]["Content-Type"] == "application/json"


async def test_only_the_kinds_asked_for_are_told(scene, inbox):
    async with scene.running(webhook(scene, inbox.url, kinds=("EngineRecovered",))):
        scene.tell(lost(), EngineRecovered(at=1.0, engine="docker", description="Docker"))
        await scene.until(lambda: inbox.messages)
    assert [message["kind"] for message in inbox.messages] == ["EngineRecovered"]


async def test_a_star_means_every_kind(scene, inbox):
    async with scene.running(webhook(scene, inbox.url, kinds=("*",))):
        scene.tell_event("start")
        await scene.until(lambda: inbox.messages)
    assert inbox.messages[0]["kind"] == "EventSeen"


@pytest.mark.parametrize("answer", [500, 503, 404, 302, 429])
async def test_what_is_not_taken_is_sent_again_with_the_same_id_and_in_order(scene, inbox, answer):
    inbox.answers = [answer, answer]
    async with scene.running(webhook(scene, inbox.url)):
        scene.tell(lost("a"), lost("b"))
        await scene.until(lambda: len(inbox.messages) == 2)
    assert inbox.engines == ["a", "b"]
    ids = [headers["Webhook-Id"] for headers in inbox.headers]
    assert len(set(ids[:3])) == 1
    assert len(set(ids)) == 2
    assert scene.metric("interlock_webhook_dropped_total", receiver=name_of(inbox)) == 0


async def test_a_receiver_that_wants_no_more_is_not_asked_again_for_that_message(scene, inbox):
    inbox.answers = [410]
    async with scene.running(webhook(scene, inbox.url)):
        scene.tell(lost("a"), lost("b"))
        await scene.until(lambda: inbox.messages)
    assert inbox.engines == ["b"]
    assert inbox.messages[0]["dropped"] == 1


async def test_a_dead_receiver_does_not_hold_up_another(scene, inbox):
    async with scene.running(webhook(scene, "http://127.0.0.1:1/", inbox.url)):
        scene.tell(lost())
        await scene.until(lambda: inbox.messages)
        await scene.until(lambda: scene.metric("interlock_webhook_waiting", receiver="1 http://127.0.0.1:1") == 1)


async def test_a_full_queue_drops_the_oldest_and_says_so(scene, inbox):
    inbox.held.clear()
    with capture_logs() as lines:
        async with scene.running(webhook(scene, inbox.url, queue=2)):
            scene.tell(lost("a"), lost("b"), lost("c"), lost("d"))
            await scene.until(lambda: scene.metric("interlock_webhook_dropped_total", receiver=name_of(inbox)) == 2)
            inbox.held.set()
            await scene.until(lambda: inbox.engines[-2:] == ["c", "d"])
    assert inbox.messages[-1]["dropped"] == 2
    warnings = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert len(warnings) == 1
    assert "is dropped: 2 messages wait already" in warnings[0]
    assert "hidden" not in str(lines)


async def test_a_message_that_nobody_takes_is_given_up(scene, inbox):
    inbox.answers = [500] * 3
    async with scene.running(webhook(scene, inbox.url, give_up_after=0.005)):
        scene.tell(lost("a"))
        await scene.until(lambda: scene.metric("interlock_webhook_dropped_total", receiver=name_of(inbox)) == 1)
    assert inbox.messages == []


async def test_a_receiver_that_does_not_answer_is_left_after_the_timeout(scene, inbox):
    inbox.held.clear()
    with capture_logs() as lines:
        async with scene.running(webhook(scene, inbox.url, timeout=0.05)):
            scene.tell(lost())
            await scene.until(lambda: "does not answer within 0.05 s" in str(lines))
            inbox.held.set()
            await scene.until(lambda: inbox.messages)


async def test_hostile_text_is_data_in_the_body(scene, inbox):
    text = 'x\r\nWebhook-Signature: v1,\x1b[31m"}'
    async with scene.running(webhook(scene, inbox.url)):
        scene.tell(ApplyFailed(at=1.0, proxy="haproxy", causes=(), error=text))
        await scene.until(lambda: inbox.messages)
    assert inbox.messages[0]["happening"]["error"] == text


def name_of(inbox):
    return f"1 {inbox.url.removesuffix('/hook?token=hidden')}"


def test_the_secret_may_be_in_a_file_and_is_generated_where_there_is_none(scene, tmp_path):
    path = tmp_path / "given"
    path.write_text(f"{SECRET}\n")
    assert webhook(scene, "http://h/", secret="", secret_file=str(path))._receivers[0]._key == read_key(SECRET)
    scene.metrics._collector_to_names.clear()
    generated = webhook(scene, "http://h/", secret="")._receivers[0]._key
    kept = scene.folder / "secret"
    assert generated == kept.read_text().strip().encode()
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"urls": ()}, "nobody to tell"),
        ({"urls": ("ftp://host/secret-path-of-some-length",)}, "none to post to"),
        ({"urls": ("http://",)}, "none to post to"),
        ({"urls": ("http://[",)}, "none to post to"),
        ({"kinds": ("Nonsense",)}, "Nonsense"),
        ({"secret_file": "/none"}, "two secrets"),
        ({"secret": "", "secret_file": "/no/such/file"}, "there is no"),
        ({"secret": "whsec_#"}, "not base64"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_fix(scene, settings, what):
    with pytest.raises(PermanentError, match=what) as caught:
        PLUGIN.build(scene.context(WebhookSettings(**{"urls": ("http://host/",), "secret": SECRET} | settings)))
    assert caught.value.fix
    assert "secret-path" not in str(caught.value)
