from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0002_api_keys_and_memberships"),
    ]

    operations = [
        migrations.CreateModel(
            name="Sample",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("labels", models.CharField(help_text="The values of the labels, as a JSON list.", max_length=400)),
                ("part", models.CharField(blank=True, default="", max_length=10)),
                ("value", models.FloatField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("name", "labels", "part"), name="gateway_sample_once")],
            },
        ),
    ]
