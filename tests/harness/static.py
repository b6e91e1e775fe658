"""The console's static files, looked for once by each test process."""

from typing import Any, ClassVar

from whitenoise.middleware import WhiteNoiseMiddleware


class FoundOnce(WhiteNoiseMiddleware):
    """The product's own, but what one test's client has found is there for the next: it opens some hundred files."""

    files: dict[str, Any]
    _found: ClassVar[dict[str, Any]] = {}

    def add_files_from_finders(self) -> None:
        """Look for them, or take what was found before."""
        if not self._found:
            super().add_files_from_finders()
            self._found.update(self.files)
        self.files = self._found
