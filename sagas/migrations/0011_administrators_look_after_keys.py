"""Administrators see the API keys of services, make them, and end them."""

from importlib import import_module

from django.db import migrations

KEYS = [("gateway", "apikey", verb) for verb in ("view", "change")]


def give(apps, schema_editor):
    """The role that is there gets two permissions more."""
    import_module("sagas.migrations.0008_roles").make_roles(apps, schema_editor, {"administrator": KEYS})


class Migration(migrations.Migration):
    dependencies = [("sagas", "0010_the_consoles_own"), ("gateway", "0002_api_keys_and_memberships")]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
