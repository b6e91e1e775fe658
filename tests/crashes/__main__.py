"""`make crashes`: every death at every boundary, and every two of them, through every shape and trouble.

Give words to run only the plans whose names have them all: `make crashes ARGS="linear refuses"`; --singles leaves the
pairs out. CRASH=… runs one course that was printed.
"""

import os
import sys
from collections.abc import Iterator

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from rich.console import Console  # noqa: E402 - after Django's settings
from rich.progress import Progress  # noqa: E402

from sagas.testing import StoryFailed  # noqa: E402
from tests.crashes.course import Course, Landed, events_of, plans, sail, sail_like  # noqa: E402
from tests.crashes.scratch import in_memory  # noqa: E402


def main(words: list[str]) -> int:
    """Run them and return 0 when all went well; each failure is told with what replays it."""
    pairs = "--singles" not in words
    words = [word for word in words if word != "--singles"]
    chosen = [plan for plan in plans() if all(word in str(plan) for word in words)]
    if told := os.environ.get("CRASH"):
        chosen, pairs = [Course.parse(told)], False
    runs, failures = 0, 0
    with in_memory(), Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("Crashes", total=len(chosen))
        for plan in chosen:
            for failure in everything(plan, pairs=pairs and not plan.events):
                runs += 1
                if failure:
                    failures += 1
                    bar.console.print(failure, markup=False)
                if runs % 20 == 0:
                    bar.update(task, description=f"{runs} runs, {failures} failures")
            bar.advance(task)
    sys.stdout.write(f"{runs} runs over {len(chosen)} plans, {failures} failures.\n")
    return int(failures > 0)


def everything(plan: Course, *, pairs: bool) -> Iterator[str]:
    """Run the plan with nothing, each event at each place, and each two of them; what failed of each run, or ""."""
    try:
        calm = sail(plan)
    except StoryFailed as error:
        yield str(error)
        return
    yield ""
    if not plan.events:
        yield from _from(plan, 1, calm.places, calm, pairs=pairs)


def _from(course: Course, first: int, last: int, calm: Landed, *, pairs: bool) -> Iterator[str]:
    for place in range(first, last + 1):
        for what in events_of(course):
            one = course.with_event(place, what)
            try:
                places = sail_like(one, calm).places
            except StoryFailed as error:
                yield str(error)
                continue
            yield ""
            if pairs:
                yield from _from(one, place + 1, places, calm, pairs=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
