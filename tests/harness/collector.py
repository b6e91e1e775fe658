"""A collector of traces, as a process of its own: takes OTLP over HTTP, and writes each span into a file as JSON.

`python -m tests.harness.collector FILE` prints its port, and ends with its parent's patience: when it is killed.
"""

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


def spans(body: bytes) -> Iterator[dict[str, Any]]:
    """What a request brings, span by span; ids as hexadecimal digits."""
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    for of in request.resource_spans:
        service = {each.key: each.value.string_value for each in of.resource.attributes}.get("service.name", "")
        for scope in of.scope_spans:
            yield from (told(span) | {"service": service} for span in scope.spans)


def told(span: Span) -> dict[str, Any]:
    """A span as a dict."""
    values = {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in span.attributes}
    return {
        "name": span.name,
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "links": [link.trace_id.hex() for link in span.links],
        "kind": Span.SpanKind.Name(span.kind),
        "failed": span.status.code == Status.STATUS_CODE_ERROR,
        "began": span.start_time_unix_nano / 1e9,
        "attributes": values,
        "events": len(span.events),
    }


def collector(file: Path) -> type[BaseHTTPRequestHandler]:
    """A handler that adds what comes to the file."""

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
            with file.open("a") as lines:
                lines.writelines(json.dumps(span) + "\n" for span in spans(body))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            """Nobody reads it."""

    return Collector


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), collector(Path(sys.argv[1])))
    print(f"collects on {server.server_address[1]}.", flush=True)
    server.serve_forever()
