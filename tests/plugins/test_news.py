"""What an observer has not read yet is bounded: the oldest goes, and it is told how many went."""

import asyncio

from interlock.core.happenings import EngineLost
from interlock.host.apart import Apart
from interlock.plugins.news import News


def lost(number):
    return EngineLost(at=float(number), engine="docker", reason="")


async def read(news, count):
    found = []
    async with asyncio.timeout(30):
        async for happening in news.read():
            found.append(int(happening.at))
            if len(found) == count:
                break
    return found


async def test_news_are_read_in_their_order():
    news = News()
    for number in range(3):
        news.post(lost(number))
    assert await read(news, 3) == [0, 1, 2]
    assert news.dropped == 0


async def test_the_oldest_are_pushed_out_and_counted():
    news = News(most=2)
    for number in range(5):
        news.post(lost(number))
    assert news.dropped == 3
    assert await read(news, 2) == [3, 4]


async def test_who_reads_in_another_thread_is_woken_by_each_and_the_next_reader_goes_on_where_it_ended():
    news, found = News(), []

    async def work():
        found.extend(await read(news, 2))

    first = Apart("reader", work)
    news.post(lost(0))
    await asyncio.sleep(0.05)
    news.post(lost(1))
    news.post(lost(2))
    async with asyncio.timeout(30):
        assert await first.ended() is None
        await first.stop()
    news.post(lost(3))  # its loop is closed by now
    assert found == [0, 1]
    assert await read(news, 2) == [2, 3]
