"""A driver without a system, which a test starts as a process: every other saga is lost."""

from benchmarks.programs.talk import Driver, serve
from benchmarks.work import Flow


class Forgetful(Driver):
    def versions(self) -> dict[str, str]:
        return {"forgetful": "1"}

    def start(self, flow: Flow, orders: range) -> None:
        if flow is Flow.REFUSED:
            raise ValueError("There is nobody to carry it.")

    def wait(self) -> None:
        pass

    def run(self, flow: Flow, order: int) -> None:
        pass

    def confirmed(self, orders: list[tuple[Flow, int]]) -> int:
        return len({order for _, order in orders}) // 2


if __name__ == "__main__":
    serve(Forgetful())
