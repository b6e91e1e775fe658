import django.db.models.deletion
import gateway.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.UUIDField(default=gateway.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant", models.CharField(max_length=64)),
                ("name", models.CharField(help_text="The service, as the audit calls it.", max_length=100)),
                ("prefix", models.CharField(help_text="How the key begins, to tell it from others.", max_length=12)),
                ("digest", models.CharField(help_text="SHA-256 of the key.", max_length=64, unique=True)),
                ("scopes", models.JSONField(default=list)),
                (
                    "definitions",
                    models.JSONField(default=None, help_text="The sagas it holds for; null is all.", null=True),
                ),
                (
                    "rate",
                    models.PositiveIntegerField(
                        default=None, help_text="Requests a minute; null is the setting's.", null=True
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField(default=None, null=True)),
                ("revoked_at", models.DateTimeField(default=None, null=True)),
                ("last_used_at", models.DateTimeField(default=None, help_text="To the minute.", null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "name"], name="gateway_apikey_name")],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant", models.CharField(max_length=64)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="membership",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
