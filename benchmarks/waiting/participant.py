"""A participant that takes its time: `python -m benchmarks.waiting.participant PORT`.

    POST /work     answered after the pause; with a gate, once that many calls are inside, or the gate is lifted
    POST /expect   {"pause": seconds, "gate": calls}; forgets what was seen so far
    POST /hurry    {"pause": seconds}; for whoever comes from now on
    POST /lift     the gate is open from now on
    GET  /seen     how many are inside, how many were at most, and each key's visits: when it came, when it left

It keeps connections open, and takes every call at once.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict
from contextlib import suppress
from typing import Any

BACKLOG = 4096


class House:
    """Who is inside, and who was."""

    def __init__(self) -> None:
        self.expect(pause=0, gate=0)

    def expect(self, *, pause: float, gate: int) -> None:
        self.pause, self.gate = pause, gate
        self.inside = self.most = 0
        self.visits: dict[str, list[list[float]]] = defaultdict(list)
        self._full = asyncio.Event()

    def lift(self) -> None:
        self.gate = 0
        self._full.set()

    async def visit(self, key: str) -> None:
        visit = [time.monotonic()]
        self.visits[key].append(visit)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            if self.gate:
                await self._full.wait()
            else:
                await asyncio.sleep(self.pause)
        finally:
            self.inside -= 1
            visit.append(time.monotonic())

    def seen(self) -> dict[str, Any]:
        return {"inside": self.inside, "most": self.most, "visits": self.visits}


class Door:
    """HTTP/1.1, as much of it as the coordinator speaks."""

    def __init__(self) -> None:
        self._house = House()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.split("\r\n")
                fields = (line.partition(":") for line in lines[1:] if line)
                headers = {name.lower(): value.strip() for name, _, value in fields}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                answer = json.dumps(await self._answer(lines[0].split(" ")[1], headers, body)).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer))
                await writer.drain()
        writer.close()

    async def _answer(self, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        match path:
            case "/work":
                await self._house.visit(headers["idempotency-key"])
            case "/expect":
                self._house = House()
                self._house.expect(**json.loads(body))
            case "/hurry":
                self._house.pause = json.loads(body)["pause"]
            case "/lift":
                self._house.lift()
            case "/seen":
                return self._house.seen()
        return {"done": True}


async def main(port: int) -> None:
    server = await asyncio.start_server(Door().serve, "127.0.0.1", port, backlog=BACKLOG)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
