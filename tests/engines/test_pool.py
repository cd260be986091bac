"""Answers as engines frame them, and as connections cut them; each server here says its bytes as it is told."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from interlock.engines.pool import LONGEST_HEAD, Pool

LONGEST = 1 << 20
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
MISSING = b'HTTP/1.1 404 Not Found\r\nContent-Length: 15\r\n\r\n{"message":"x"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"


class Server:
    """Answers each request with the next of some bytes, cut where a list is; None ends the connection."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.connections = self.open = 0
        self.requests = []
        self._writers = []

    async def serve(self, reader, writer):
        self.connections, self.open = self.connections + 1, self.open + 1
        self._writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head.decode())
                answer = self.answers.pop(0)
                for part in answer if isinstance(answer, list) else [answer]:
                    if part is None:
                        return
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0.005)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.open -= 1
            writer.close()

    def end_all(self):
        for writer in self._writers:
            writer.close()


@pytest.fixture
def serving(socket_path):
    @asynccontextmanager
    async def serve(*answers):
        told = Server(answers)
        pool = Pool(str(socket_path), host="docker", agent="interlock/test")
        async with await asyncio.start_unix_server(told.serve, str(socket_path)):
            async with asyncio.timeout(20):
                yield pool, told
            pool.close()

    return serve


async def until(true):
    """Wait for a condition that the other side brings about."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)


async def ask(pool, target="/v1.41/containers/abc/json", longest=LONGEST):
    return await pool.get(target, longest=longest)


async def test_one_connection_serves_one_request_after_the_other(serving):
    async with serving(WHOLE, MISSING, CHUNKED) as (pool, server):
        answers = [await ask(pool) for _ in range(3)]
        assert [(answer.status, answer.body) for answer in answers] == [
            (200, b"{}"),
            (404, b'{"message":"x"}'),
            (200, b"{}"),
        ]
        assert server.connections == 1


async def test_requests_at_once_have_a_connection_each(serving):
    async with serving(*[WHOLE] * 6) as (pool, server):
        for _ in range(2):
            await asyncio.gather(*(ask(pool) for _ in range(3)))
        assert server.connections == 3


async def test_a_request_says_who_asks_and_takes_no_encoding(serving):
    async with serving(WHOLE) as (pool, server):
        await ask(pool)
        assert server.requests[0].split("\r\n")[:-2] == [
            "GET /v1.41/containers/abc/json HTTP/1.1",
            "Host: docker",
            "User-Agent: interlock/test",
            "Accept: */*",
            "Accept-Encoding: identity",
        ]


@pytest.mark.parametrize("whole", [WHOLE, CHUNKED], ids=["length", "chunked"])
async def test_an_answer_may_come_in_any_pieces(serving, whole):
    pieces = [whole[position : position + 1] for position in range(len(whole))]
    async with serving(pieces) as (pool, _):
        assert (await ask(pool)).body == b"{}"


async def test_where_a_redirection_points_to_is_told(serving):
    async with serving(b"HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n") as (pool, _):
        answer = await ask(pool)
        assert (answer.status, answer.location) == (301, "/elsewhere")


@pytest.mark.parametrize(
    "answer",
    [
        [None],
        [b"HTTP/1.1 200 OK\r\nContent-", None],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", None],
        [CHUNKED[:-5], None],
        [b"HTTP/1.1 200 OK\r\n\r\n{}", None],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    ],
    ids=[
        "nothing",
        "half a head",
        "half a body",
        "half the chunks",
        "an end instead of a length",
        "no HTTP",
        "no number",
        "no chunk",
        "gzip",
        "continue",
        "upgrade",
    ],
)
async def test_what_is_no_plain_answer_is_none_and_the_next_request_has_a_fresh_connection(serving, answer):
    async with serving(answer, WHOLE) as (pool, server):
        assert await ask(pool) is None
        assert (await ask(pool)).body == b"{}"
        assert server.connections == 2


@pytest.mark.parametrize("head", ["Content-Length: 200000\r\n", "Transfer-Encoding: chunked\r\n"])
async def test_an_answer_beyond_measure_is_not_read_to_its_end(serving, head):
    chunk = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
    async with serving([f"HTTP/1.1 200 OK\r\n{head}\r\n".encode(), *[chunk] * 3], WHOLE) as (pool, server):
        assert await ask(pool, longest=1000) is None
        assert (await ask(pool)).body == b"{}"
        assert server.connections == 2


async def test_a_head_beyond_measure_is_not_read_to_its_end(serving):
    async with serving(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (LONGEST_HEAD + 10), WHOLE) as (pool, _):
        assert await ask(pool, longest=0) is None


async def test_an_engine_that_says_close_is_taken_at_its_word(serving):
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    async with serving(closing, WHOLE) as (pool, server):
        assert (await ask(pool)).body == b"{}"
        assert (await ask(pool)).body == b"{}"
        assert server.connections == 2


async def test_a_second_answer_to_one_request_is_never_the_answer_to_the_next(serving):
    other = WHOLE.replace(b"{}", b"[]")
    async with serving(WHOLE + other, MISSING) as (pool, server):
        assert (await ask(pool)).body == b"{}"
        assert (await ask(pool)).status == 404
        assert server.connections == 2


async def test_nor_is_one_that_comes_late(serving):
    async with serving([WHOLE, b"HTTP/1.1 200 OK\r\n"], MISSING) as (pool, server):
        assert (await ask(pool)).body == b"{}"
        await until(lambda: not pool._idle[0].is_free)
        assert (await ask(pool)).status == 404
        assert server.connections == 2


async def test_a_connection_that_was_ended_while_idle_is_not_used_again(serving):
    async with serving(WHOLE, WHOLE) as (pool, server):
        await ask(pool)
        server.end_all()
        await until(lambda: not pool._idle[0].is_free)
        assert (await ask(pool)).body == b"{}"
        assert server.connections == 2


async def test_a_request_that_is_given_up_leaves_no_connection_for_its_late_answer(serving):
    async with serving([b"HTTP/1.1 200 OK\r\n"], MISSING) as (pool, server):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask(pool)
        assert (await ask(pool)).status == 404
        assert server.connections == 2


async def test_where_nobody_listens_there_is_no_answer(socket_path):
    pool = Pool(str(socket_path), host="docker", agent="interlock/test")
    assert await ask(pool) is None


async def test_a_closed_pool_keeps_nothing_open(serving):
    async with serving(WHOLE, [b"HTTP/1.1 200 OK\r\n", WHOLE[17:]]) as (pool, server):
        await ask(pool)
        late = asyncio.get_running_loop().create_task(ask(pool))
        await until(lambda: len(server.requests) > 1)
        pool.close()
        assert (await late).body == b"{}"
        await until(lambda: server.open == 0)
