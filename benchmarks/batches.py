"""How long a drawing waits for its answer while batches of photographs are read.

A site with the settings of `make run` reads batches of 12-megapixel JPEGs, sent file by file as
the page sends them, each batch by a visitor of its own. Meanwhile one more visitor draws, twice a
second. Printed are the round trips of the drawings, without and with batches.
"""

import argparse
import io
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import drawings
from benchmarks.load import Client, Load
from benchmarks.servers import ROOT, Server, clean_environment

PICTURE_SIZE = (4000, 3000)
PAUSE_SECONDS = 0.5
WARM_UP_DRAWINGS = 10
LIMIT_MILLISECONDS = 100
BOUNDARY = "a-part-of-the-form-ends-here"


def main() -> int:
    """Measure and print; 1 if a request failed."""
    arguments = parse_arguments()
    with serving() as server:
        draw(server, WARM_UP_DRAWINGS, pause=0.0)
        alone = draw(server, arguments.drawings)
        with Batches(server, arguments.batches) as batches:
            beside = draw(server, arguments.drawings)
    say("no batch is read", alone)
    say(f"{arguments.batches} batches are read", beside)
    print(f"{batches.num_read} photographs were read in {batches.seconds:.0f} s beside that.")
    return int(bool(alone.failures or beside.failures or batches.failures))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--drawings", type=int, default=60, help="how many (default: 60)")
    parser.add_argument("--batches", type=int, default=2, help="at the same time (default: 2)")
    return parser.parse_args()


@contextmanager
def serving() -> Iterator[Server]:
    """Serve a site of its own."""
    with tempfile.TemporaryDirectory(prefix="inkling-bench-") as folder:
        environment = clean_environment(INKLING_INSTANCE=folder, TF_CPP_MIN_LOG_LEVEL="3")
        command = [sys.executable, "-m", "flask", "prepare"]
        subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
        server = Server("wsgi:app", environment)
        try:
            server.wait_until_ready("/readyz")
            yield server
        finally:
            server.stop()


def draw(server: Server, count: int, pause: float = PAUSE_SECONDS) -> Load:
    """Have drawings read, one after the other, and note how long each took."""
    client, load = Client(server.port), Load(1)
    for seed in range(count):
        started = time.perf_counter()
        status = client.post("/api/v1/predictions", drawings.as_strokes(seed))
        load.round_trips.append(time.perf_counter() - started)
        load.failures += status != 201
        time.sleep(pause)
    client.connection.close()
    return load


def say(when: str, load: Load) -> None:
    """Print the round trips of some drawings."""
    late = sum(one * 1000 >= LIMIT_MILLISECONDS for one in load.round_trips)
    print(
        f"While {when}: a drawing is answered in {load.milliseconds(50):.0f} ms at the median, "
        f"{load.milliseconds(95):.0f} ms at 95 %, {load.milliseconds(100):.0f} ms at most; "
        f"{late} of {len(load.round_trips)} took {LIMIT_MILLISECONDS} ms or longer."
    )


class Batches:
    """Visitors who have batches read for as long as the context lasts."""

    def __init__(self, server: Server, count: int) -> None:
        self.num_read = self.failures = 0
        self.seconds = 0.0
        self._server, self._photograph = server, photograph()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(count)]

    def __enter__(self) -> "Batches":
        self._started = time.perf_counter()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        self.seconds = time.perf_counter() - self._started

    def _send(self) -> None:
        visitor = Visitor(self._server.port)
        address = visitor.begin_batch()
        while not self._is_over.is_set():
            answer = visitor.post(f"{address}/files", self._photograph)
            self.num_read += 'data-state="read"' in answer
            self.failures += 'data-state="problem"' in answer or "data-state" not in answer
            while 'data-waiting="0"' not in answer and not self._is_over.is_set():
                answer = visitor.post(f"{address}/read", b"")
                self.num_read += 'data-state="read"' in answer


class Visitor:
    """One visitor of the pages, with cookies and the token that forms carry."""

    def __init__(self, port: int) -> None:
        self._connection = Client(port).connection
        self._cookies: dict[str, str] = {}
        self._token = ""
        page = self._ask("GET", "/upload", b"", {})
        self._token = first(r'name="csrf-token" content="([^"]+)"', page)

    def begin_batch(self) -> str:
        """Begin a batch and return its address."""
        answer = self._ask("POST", "/batches", b"", {"X-Fragment": "yes"})
        return first(r'data-files="(/batches/\w+)/files"', answer)

    def post(self, path: str, picture: bytes) -> str:
        """Send a picture as the page's script does and return the fragment that comes back."""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"'
        body = f"{head}\r\n\r\n".encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self._ask("POST", path, body, {"Content-Type": kind, "X-Fragment": "yes"})

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> str:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        own = {"Cookie": cookies, "X-CSRFToken": self._token}
        self._connection.request(method, path, body, {**own, **headers})
        response = self._connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        text: str = response.read().decode()
        return text


def first(pattern: str, text: str) -> str:
    """Return what the group of a pattern matches first."""
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"There is no {pattern} in the answer: {text:.200}")
    return found[1]


def photograph() -> bytes:
    """Return a JPEG of 12 megapixels with a number on grainy paper in slanting light."""
    width, height = PICTURE_SIZE
    light = np.linspace(235, 190, width)[None, :] + np.zeros((height, 1))
    grain = np.random.default_rng(1).normal(0, 4, (height, width))
    image = Image.fromarray(np.clip(light + grain, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for left in range(600, 3000, 500):
        pen.line([(left, 1000), (left + 260, 1000), (left + 110, 1600)], fill=40, width=28)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
