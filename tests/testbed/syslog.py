"""A syslog server, and requests that make a proxy tell it something."""

import asyncio
import json
import socket

SECONDS = 30.0


class Syslog:
    """A syslog server: what it is told, as JSON."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    async def line(self):
        text = await self.text(having="{")
        return json.loads(text[text.index("{") :])

    async def text(self, having):
        """The next line with this in it: a proxy tells of its starts and stops, too."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(SECONDS):
            while True:
                text = (await loop.sock_recv(self._socket, 65536)).decode()
                if having in text:
                    return text

    def close(self):
        self._socket.close()


async def send(port, request):
    """One request as it is; the answer's first line."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.readline()
        writer.close()
    return answer
