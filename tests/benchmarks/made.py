"""Measurements as a run would have made them."""

from benchmarks.measurement import Burst, Limit, Singles
from benchmarks.work import Flow


def burst(
    system: str = "ours", number: int = 1, flow: Flow = Flow.WELL, *, confirmed: int = 100, seconds: float = 1.0
) -> Burst:
    """A hundred sagas; less than `confirmed` means that results were missing."""
    return Burst(
        system=system,
        round=number,
        flow=flow,
        sagas=100,
        confirmed=confirmed,
        seconds=seconds,
        processor=0.5,
        others=0.0,
        memory=2**20,
    )


def singles(system: str = "ours", number: int = 1, *, confirmed: int = 101) -> Singles:
    """A hundred and one sagas that took 0 to 100 milliseconds."""
    latencies = [milliseconds / 1000 for milliseconds in range(101)]
    return Singles(system=system, round=number, flow=Flow.WELL, confirmed=confirmed, latencies=latencies)


def limit(clients: int, *, number: int = 1, shape: str = "one statement", confirmed: int = 1000) -> Limit:
    """A thousand steps' writes by so many clients, the more the faster."""
    return Limit(
        system="limit",
        round=number,
        shape=shape,
        clients=clients,
        steps=1000,
        confirmed=confirmed,
        seconds=1 / clients,
        processor=0.1,
    )
