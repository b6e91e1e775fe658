"""Start one participant: `python -m examples.shop.service payments --data var/shop`."""

import argparse
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

NAMES = ("users", "stock", "payments", "shipping", "orders")


def main() -> None:
    """Make the database and its first rows where they are missing, say where it listens, and serve."""
    options = _options()
    options.data.mkdir(parents=True, exist_ok=True)
    os.environ |= {"SHOP_SERVICE": options.name, "SHOP_DATA": str(options.data), "SHOP_TOKEN": options.token}
    os.environ["DJANGO_SETTINGS_MODULE"] = "examples.shop.participant.settings"
    _prepare(options.name)
    import_module("examples.shop.participant.callbacks").begin_calling()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # at once: its threads may be calling somebody back
    if options.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    with _server(options.port) as server, suppress(KeyboardInterrupt):
        port = server.server_address[1]
        if options.port_file:
            options.port_file.write_text(str(port))
        sys.stdout.write(f"{options.name} ready on http://127.0.0.1:{port}\n")
        sys.stdout.flush()
        server.serve_forever()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="the directory of the database file")
    parser.add_argument("--token", default="", help="callers must send it; none: everybody may call")
    parser.add_argument("--port-file", type=Path, help="where to write the port")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    return parser.parse_args()


def _prepare(name: str) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    import_module(f"examples.shop.{name}.models").seed()


def _server(port: int) -> Any:
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    class Handler(WSGIRequestHandler):
        disable_nagle_algorithm = True  # head and body are two writes: the second would wait 40 ms on a kept connection

        def get_environ(self) -> dict[str, Any]:
            return super().get_environ() | {"shop.hang_up": self._hang_up}

        def _hang_up(self) -> None:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]

        def log_message(self, *args: Any) -> None:
            """The calls are in the ledger."""

    class Server(ThreadedWSGIServer):
        request_queue_size = 512
        daemon_threads = True

    server = Server(("127.0.0.1", port), Handler)
    server.set_app(get_wsgi_application())
    return server


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
