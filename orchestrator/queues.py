"""The queues that Celery's messages travel through."""

from collections.abc import Iterable

from kombu import Exchange, Queue

from gateway.doorbell import Rank


def declared(names: Iterable[str]) -> list[Queue]:
    """Return one queue for each name, bound to an exchange and a key of its own.

    Celery binds a queue that names neither to the default exchange under the default key, so that every queue would
    get a copy of every message.
    """
    return [Queue(name, Exchange(name, type="direct"), routing_key=name) for name in dict.fromkeys(names)]


def transport_options(broker_url: str) -> dict[str, object]:
    """Return what the broker's transport is told, above all to give up on a silent broker within two seconds.

    A message is gone from Redis when it is taken: the sweep rings again, so nothing need be kept there until it is
    acknowledged. Where something is, an acknowledgement that fails costs the worker one of its places for good.
    """
    scheme = broker_url.partition("://")[0]
    match scheme:
        case "memory":
            return {"polling_interval": 0.005}
        case "redis" | "rediss":
            return {
                "socket_timeout": 2,
                "socket_connect_timeout": 1,
                "socket_keepalive": True,
                "health_check_interval": 10,
                "ack_emulation": False,
                "priority_steps": [int(rank) for rank in Rank],
                "queue_order_strategy": "round_robin",
            }
        case "amqp" | "amqps" | "pyamqp":
            return {"connect_timeout": 2, "read_timeout": 2, "write_timeout": 2}
        case _:
            return {}
