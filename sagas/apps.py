import re
from difflib import get_close_matches
from inspect import signature
from traceback import extract_tb

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule

from gateway import vault


class SagasConfig(AppConfig):
    name = "sagas"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Sagas"

    def ready(self) -> None:
        from importlib import import_module

        from sagas.words import registry

        for app in apps.get_app_configs():
            if app.module is None or app is self or not module_has_submodule(app.module, "sagas"):
                continue
            try:
                registry.collect(import_module(f"{app.name}.sagas"))
            except Exception as error:
                said = f"{_where(error)}{type(error).__name__}: {error}.{_meant(str(error))}"
                registry.mark_broken(f"{app.name}.sagas cannot be imported: {said}")
        for definition in registry.everything():
            if definition.is_sensitive:
                vault.required(f"What saga {definition.name!r} marks as sensitive")
        from sagas import checks  # noqa: F401


def _where(error: Exception) -> str:
    """The line at fault, as far as the code of apps goes."""
    if isinstance(error, SyntaxError):
        return ""  # it says so itself
    not_theirs = ("<", "importlib", "site-packages", "/sagas/words/", __file__)
    own = [frame for frame in extract_tb(error.__traceback__) if not any(of in frame.filename for of in not_theirs)]
    return f"{own[-1].filename}, line {own[-1].lineno}: " if own else ""


def _meant(said: str) -> str:
    """For a keyword that a builder of rows has not, the one that it has."""
    from sagas.words import authoring

    slip = re.match(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'", said)
    builder = getattr(authoring, slip[1], None) if slip else None
    close = get_close_matches(slip[2], signature(builder).parameters, n=1) if slip and callable(builder) else []
    return f" Did you mean {close[0]}=?" if close else ""
