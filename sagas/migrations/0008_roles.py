"""Three roles for people, as groups: who looks, who operates, and who also looks after people and keys."""

from django.db import migrations

LOOK = [
    ("sagas", "saga", "view"),
    ("sagas", "incident", "view"),
    ("sagas", "audit", "view"),
    ("sagas", "worker", "view"),
]
OPERATE = [("sagas", "saga", "change"), ("sagas", "signal", "add")]
ADMINISTER = [
    *(("auth", "user", verb) for verb in ("view", "add", "change")),
    ("auth", "group", "view"),
    *(("gateway", "membership", verb) for verb in ("view", "add", "change", "delete")),
]
ROLES = {"viewer": LOOK, "operator": [*LOOK, *OPERATE], "administrator": [*LOOK, *OPERATE, *ADMINISTER]}


def make_roles(apps, schema_editor, roles=ROLES):
    """Groups that are there already keep what they have, and get what their role needs."""
    groups, permissions, kinds = (
        apps.get_model(*name) for name in (("auth", "Group"), ("auth", "Permission"), ("contenttypes", "ContentType"))
    )
    database = schema_editor.connection.alias
    for name, needed in roles.items():
        group, _ = groups.objects.using(database).get_or_create(name=name)
        for app, model, verb in needed:
            # Django makes these after the migrations, when it finds them made here; by the same names.
            kind, _ = kinds.objects.using(database).get_or_create(app_label=app, model=model)
            permission, _ = permissions.objects.using(database).get_or_create(
                content_type=kind, codename=f"{verb}_{model}", defaults={"name": f"Can {verb} {model}"}
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("sagas", "0007_callbacks_groups_and_bulk_operations"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
