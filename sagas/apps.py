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
                registry.mark_broken(f"{app.name}/sagas.py cannot be imported: {type(error).__name__}: {error}.")
        for definition in registry.everything():
            if definition.is_sensitive:
                vault.required(f"What saga {definition.name!r} marks as sensitive")
        from sagas import checks  # noqa: F401
