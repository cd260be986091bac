"""Requests as visitors make them, and who answered."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Self

import msgspec

SECONDS = 5.0
"""For an answer. A test that waits for a paused server to be left out holds up whoever asks it for as long."""
PATIENT_SECONDS = 20.0
"""For visitors, whose requests count: a busy machine is no reason to give one up."""

UNEVEN = 0.006
"""Seconds between two requests, at most."""


class Answer(msgspec.Struct, frozen=True):
    """What came back for one request."""

    status: int
    """0 when nobody answered."""
    body: str
    headers: dict[str, str]
    """Keys in lower case."""
    seconds: float
    error: str = ""
    ended: float = 0.0
    """When it was there, by the clock (seconds since 1970)."""

    @property
    def server(self) -> str:
        """The host name of the container that answered, as the tests' web application tells it."""
        return self.headers.get("x-server", "")


class Site:
    """A host name behind a proxy."""

    def __init__(self, address: str, port: int, host: str) -> None:
        self.address = address
        self.port = port
        self.host = host

    def get(self, path: str = "/", *, headers: dict[str, str] | None = None, seconds: float = SECONDS) -> Answer:
        """One request on a connection of its own; never raises for what a network does."""
        began = time.monotonic()
        connection = http.client.HTTPConnection(self.address, self.port, timeout=seconds)
        try:
            connection.request("GET", path, headers={"Host": self.host} | (headers or {}))
            response = connection.getresponse()
            body = response.read().decode("utf-8", "replace")
            received = {key.lower(): value for key, value in response.getheaders()}
            return Answer(response.status, body, received, time.monotonic() - began, ended=time.time())
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, "", {}, time.monotonic() - began, repr(error), time.time())
        finally:
            connection.close()

    def ask(self, count: int, *, seconds: float = SECONDS) -> "Tally":
        """Make so many requests, one after the other, at an uneven pace.

        At an even one they may keep step with a steady load, and then round robin leads them to the same few servers.
        """
        answers = []
        for _ in range(count):
            answers.append(self.get(seconds=seconds))
            time.sleep(random.uniform(0, UNEVEN))
        return Tally(answers)

    def visitors(self) -> "Visitors":
        """Somebody who keeps asking, in the background: `with site.visitors() as visitors:`."""
        return Visitors(self)

    def ask_until(self, done: Callable[["Tally"], bool], *, most: int = 1000, seconds: float = 30.0) -> "Tally":
        """Make requests until the tally is as wished, or the limits are reached; the caller looks which."""
        deadline = time.monotonic() + seconds
        answers: list[Answer] = []
        while len(answers) < most and time.monotonic() < deadline:
            answers.append(self.get())
            tally = Tally(answers)
            if done(tally):
                return tally
            if answers[-1].status != http.client.OK:
                time.sleep(0.02)
        return Tally(answers)


class Visitors:
    """One request after the other on connections of their own, until the block ends."""

    PAUSE = 0.002
    """Seconds between two requests: enough of them to see a gap of some ms, few enough for a busy machine."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._answers: list[Answer] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="visitors", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.wait(self.PAUSE):
            self._answers.append(self._site.get(seconds=PATIENT_SECONDS))

    @property
    def tally(self) -> "Tally":
        """All answers so far."""
        return Tally(self._answers.copy())

    def since(self, moment: float) -> "Tally":
        """Answers to what was asked after a moment of `time.time()`."""
        return Tally([answer for answer in self._answers.copy() if answer.ended - answer.seconds >= moment])


class Tally:
    """Who answered, how often."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.statuses = Counter(answer.status for answer in answers)
        self.servers = Counter(answer.server for answer in answers if answer.server)

    @property
    def is_clean(self) -> bool:
        """Whether every request was answered with 200."""
        return set(self.statuses) <= {http.client.OK}

    def __repr__(self) -> str:
        errors = Counter(answer.error for answer in self.answers if answer.error)
        return f"<Tally {dict(self.statuses)} {dict(self.servers)} {dict(errors)}>"
