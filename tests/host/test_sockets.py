"""Sockets that answer in text, and ones that do not."""

import asyncio

import pytest

from interlock.core.problems import TemporaryError
from interlock.host.sockets import PromptSocket, ask_once


@pytest.fixture
async def serve(tmp_path):
    """Serves one scripted conversation on a unix socket."""
    servers = []

    async def start(handler):
        async def one(reader, writer):
            try:
                await handler(reader, writer)
            finally:
                writer.close()

        path = tmp_path / "socket"
        servers.append(await asyncio.start_unix_server(one, str(path)))
        return path

    yield start
    for server in servers:
        server.close()


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(b"" if line == b"prompt\n" else b"said " + line.strip())
        writer.write(b"\n> ")


async def test_commands_go_out_in_a_burst_and_answers_come_in_order(serve):
    socket = await PromptSocket.open(await serve(echo), seconds=5)
    assert await socket.ask(["one", "two", "three"], seconds=5) == ["said one", "said two", "said three"]
    first, second = await asyncio.gather(socket.ask(["a"], seconds=5), socket.ask(["b"], seconds=5))
    assert (first, second) == (["said a"], ["said b"])
    socket.close()


async def test_an_answer_that_is_late_closes_the_connection(serve):
    async def slow(reader, writer):
        await reader.readline()
        writer.write(b"\n> ")
        await reader.readline()
        await reader.read()

    socket = await PromptSocket.open(await serve(slow), seconds=5)
    with pytest.raises(TemporaryError):
        await socket.ask(["one"], seconds=0.05)
    assert not socket.is_open


async def test_a_connection_that_breaks_is_temporary(serve):
    async def dies(reader, writer):
        await reader.readline()
        writer.write(b"\n> half an ans")

    socket = await PromptSocket.open(await serve(dies), seconds=5)
    with pytest.raises(TemporaryError):
        await socket.ask(["one"], seconds=5)


async def test_nobody_there_is_temporary(tmp_path, serve):
    with pytest.raises(TemporaryError, match="does not answer"):
        await PromptSocket.open(tmp_path / "nobody", seconds=1)
    with pytest.raises(TemporaryError, match="does not answer"):
        await ask_once(tmp_path / "nobody", "x", seconds=1)

    async def silent(reader, writer):
        await reader.read()

    with pytest.raises(TemporaryError):
        await PromptSocket.open(await serve(silent), seconds=0.05)


async def test_a_single_question_is_half_closed_so_that_the_answer_ends(serve):
    async def until_closed(reader, writer):
        question = await reader.read()
        writer.write(b"you said " + question)

    assert await ask_once(await serve(until_closed), "reload", seconds=5) == "you said reload\n"


async def test_last_words_end_an_answer_too(serve):
    left = asyncio.Event()

    async def keeps_open(reader, writer):
        for part in (b"no such ", b"work", b"er: 77\n"):
            writer.write(part)
            await asyncio.sleep(0.01)
        await left.wait()

    path = await serve(keeps_open)
    assert await ask_once(path, "show sessions", seconds=20, last_words=b"such worker") == "no such worker: 77\n"
    left.set()
