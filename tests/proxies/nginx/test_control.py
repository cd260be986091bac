"""The control socket: one question a connection, bounded bodies, and errors that say what came back."""

import pytest
from aiohttp import web

from interlock.core.problems import TemporaryError
from interlock.proxies.nginx import control as control_module
from interlock.proxies.nginx.control import Answer, Control


class FakeNginx:
    """Answers as it is told; `bodies` holds what it was sent."""

    def __init__(self, path):
        self.path = path
        self.text, self.status = "", 200
        self.bodies = []

    async def start(self):
        app = web.Application()
        app.router.add_route("*", "/{path}", self._answer)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.UnixSite(self.runner, str(self.path)).start()

    async def _answer(self, request):
        self.bodies.append(await request.text())
        return web.Response(text=self.text, status=self.status)


@pytest.fixture
async def nginx(tmp_path):
    fake = FakeNginx(tmp_path / "control.sock")
    await fake.start()
    yield fake
    await fake.runner.cleanup()


async def test_a_generation_comes_with_the_worker_that_has_it(nginx):
    nginx.text = "interlock 0123456789abcdef 4711\n"
    assert await Control(nginx.path).generation() == Answer("0123456789abcdef", 4711)


@pytest.mark.parametrize("text", ["", "hello\n", "interlock 0123 1\n", "interlock 0123456789abcdef x\n"])
async def test_somebody_else_on_our_socket_is_not_taken_for_ours(nginx, text):
    nginx.text = text
    with pytest.raises(TemporaryError, match="answers"):
        await Control(nginx.path).generation()


async def test_a_refusal_says_what_nginx_said(nginx):
    nginx.text, nginx.status = "pool: no memory\n", 507
    with pytest.raises(TemporaryError, match="507 pool: no memory"):
        await Control(nginx.path).put(["pool open\n"])


async def test_an_answer_beyond_all_measure_is_not_taken_in(nginx, monkeypatch):
    monkeypatch.setattr(control_module, "ANSWER_LIMIT", 1000)
    nginx.text = "x" * 1001
    with pytest.raises(TemporaryError, match="beyond all measure"):
        await Control(nginx.path).get(["pool"])


async def test_nobody_there_is_temporary(tmp_path):
    with pytest.raises(TemporaryError, match="does not answer"):
        await Control(tmp_path / "none.sock").generation()


async def test_many_lines_go_in_several_questions_and_none_in_none(nginx, monkeypatch):
    monkeypatch.setattr(control_module, "BODY_LENGTH", 10)
    lines = ["12345\n", "12\n", "123\n", "1234567890123\n", "1\n"]
    await Control(nginx.path).put(lines)
    assert nginx.bodies == ["12345\n12\n", "123\n", "1234567890123\n", "1\n"]
    nginx.bodies.clear()
    nginx.text = "x\n"
    assert await Control(nginx.path).get(["a" * 8, "b"]) == "x\nx\n"
    assert await Control(nginx.path).get([]) == ""
    await Control(nginx.path).put([])
    assert nginx.bodies == ["a" * 8 + "\n", "b\n"]
