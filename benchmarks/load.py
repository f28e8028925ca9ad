"""Clients that ask a server on this machine again and again, and note how long each answer took."""

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

LOCAL = "127.0.0.1"
TIMEOUT_SECONDS = 60
MOST_REQUESTS = 20_000
"""A client stops after so many, however long it was told to go on."""


@dataclass
class Load:
    """What some clients met: a round trip in seconds for each answer, and the failures."""

    clients: int
    seconds: float = 0.0
    round_trips: list[float] = field(default_factory=list)
    failures: int = 0

    def add(self, other: "Load") -> None:
        """Take in another round of the same load."""
        self.seconds += other.seconds
        self.round_trips += other.round_trips
        self.failures += other.failures

    def milliseconds(self, percent: float) -> float:
        """Return the round trip that so many percent of the requests stayed under."""
        return float(np.percentile(self.round_trips, percent)) * 1000

    @property
    def per_second(self) -> float:
        """Return the requests answered each second, by all clients together."""
        return len(self.round_trips) / self.seconds


class Client:
    """One client with a connection that is kept open, and the cookie that it was given."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection(LOCAL, port, timeout=TIMEOUT_SECONDS)
        self.headers = {"Content-Type": "application/json"}

    def post(self, path: str, body: bytes) -> int:
        """Send one request, read all of the answer and return its status."""
        self.connection.request("POST", path, body, self.headers)
        response = self.connection.getresponse()
        response.read()
        if cookie := response.getheader("Set-Cookie"):
            self.headers["Cookie"] = cookie.partition(";")[0]
        return response.status

    def get(self, path: str) -> int:
        """Ask for a page and return its status."""
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        response.read()
        return response.status


def press(port: int, path: str, bodies: Sequence[bytes], *, clients: int, seconds: float) -> Load:
    """Have some clients post in turn, each waiting for its answer, for so many seconds."""
    load = Load(clients)
    until = time.perf_counter() + seconds

    def ask() -> None:
        client, round_trips, failures = Client(port), [], 0
        for number in range(MOST_REQUESTS):
            started = time.perf_counter()
            if started > until:
                break
            try:
                failures += client.post(path, bodies[number % len(bodies)]) >= 400
            except (OSError, http.client.HTTPException):
                failures += 1
            round_trips.append(time.perf_counter() - started)
        client.connection.close()
        load.round_trips += round_trips
        load.failures += failures

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - started
    return load
