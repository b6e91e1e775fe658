"""The proxy between the product and what it depends on: a process of its own, with a gate for each service.

Each gate passes everything on, until it is told otherwise over the control port, a line of JSON each:

    {"gate": "database", "do": "refuse"}                    nobody is let in, and who is in is thrown out
    {"gate": "database", "do": "silence"}                   connections are taken and stay, and nothing passes
    {"gate": "database", "do": "delay", "seconds": 0.1}     everything passes so much later, either way
    {"gate": "database", "do": "cut"}                       every connection is cut, now
    {"gate": "database", "do": "cut commits", "times": 4}   the next commits lose their connection, in turn before
                                                            PostgreSQL hears of them, and after it has committed
    {"gate": "payments", "do": "cut answers", "times": 3}   the next answers are lost, with their connections
    {"gate": "database", "do": "open"}                      all is well again

Each line is answered with what the gate has cut so far.
"""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

from tests.soak.wire import Conversation, ready_in

CHUNK = 65536


class Pair:
    """A client's connection and the one to the service that was opened for it."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.writers = writers
        self.loses_its_answer = False

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Gate:
    """Where clients come in, and what is done to them."""

    def __init__(self, name: str, port: int, service: int) -> None:
        self.name, self.port, self.service = name, port, service
        self.speaks_postgres = name == "database"
        self.tally = {"before commit": 0, "after commit": 0, "answers": 0, "connections": 0}
        self._pairs: set[Pair] = set()
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay = 0.0
        self._commits = self._answers = 0

    async def open(self) -> None:
        """Let in, and let pass."""
        self._delay = 0.0
        self._commits = self._answers = 0
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._let_in, "127.0.0.1", self.port, backlog=512)

    async def do(self, what: str, *, seconds: float = 0.0, times: int = 1) -> None:
        match what:
            case "open":
                await self.open()
            case "refuse":
                if self._server is not None:
                    self._server.close()
                    self._server = None
                self._cut_all()
            case "silence":
                self._flowing.clear()
            case "delay":
                self._delay = seconds
            case "cut":
                self._cut_all()
            case "cut commits":
                self._commits = times
            case "cut answers":
                self._answers = times
            case _:
                raise ValueError(f"a gate cannot {what}")

    def _cut_all(self) -> None:
        for pair in list(self._pairs):
            pair.cut()
            self.tally["connections"] += 1

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.service)
        except OSError:
            writer.transport.abort()
            return
        pair = Pair(writer, up_writer)
        self._pairs.add(pair)
        talk = Conversation() if self.speaks_postgres else None
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._ask(reader, up_writer, pair, talk))
                both.create_task(self._answer(up_reader, writer, pair, talk))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._pairs.discard(pair)
            pair.cut()

    async def _ask(
        self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, pair: Pair, talk: Conversation | None
    ) -> None:
        while data := await reader.read(CHUNK):
            commits = False
            if talk is not None:
                data, commits = talk.said(data)
            if commits and self._commits > 0:
                self._commits -= 1
                if self._commits % 2:
                    self.tally["before commit"] += 1
                    raise ConnectionAbortedError
                pair.loses_its_answer = True
            await self._pass(data, to)
        to.write_eof()

    async def _answer(
        self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, pair: Pair, talk: Conversation | None
    ) -> None:
        while data := await reader.read(CHUNK):
            if pair.loses_its_answer:
                if ready_in(data) is not None:
                    self.tally["after commit"] += 1
                    raise ConnectionAbortedError
                continue
            if self._answers > 0:
                self._answers -= 1
                self.tally["answers"] += 1
                raise ConnectionAbortedError
            if talk is not None:
                talk.answered(data)
            await self._pass(data, to)
        with suppress(OSError):
            to.write_eof()

    async def _pass(self, data: bytes, to: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        if self._delay:
            await asyncio.sleep(self._delay)
        to.write(data)
        await to.drain()


class Control:
    """Listens to the one who disturbs."""

    def __init__(self, gates: list[Gate]) -> None:
        self._gates = {gate.name: gate for gate in gates}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked: dict[str, Any] = json.loads(line)
            gate = self._gates[asked.pop("gate")]
            if what := asked.pop("do", ""):
                await gate.do(what, **asked)
            writer.write(json.dumps(gate.tally).encode() + b"\n")
            await writer.drain()
        writer.close()


async def main(control: int, gates: list[Gate]) -> None:
    for gate in gates:
        await gate.open()
    server = await asyncio.start_server(Control(gates).serve, "127.0.0.1", control)
    sys.stdout.write("the gates are open\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


def gates_of(arguments: list[str]) -> list[Gate]:
    """From `name:port:port of the service`."""
    parted = [argument.split(":") for argument in arguments]
    return [Gate(name, int(port), int(service)) for name, port, service in parted]


async def _begin() -> None:
    await main(int(sys.argv[1]), gates_of(sys.argv[2:]))


if __name__ == "__main__":
    asyncio.run(_begin())
