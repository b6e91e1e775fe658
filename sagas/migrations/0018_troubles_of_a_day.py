from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sagas", "0017_what_the_console_shows")]

    operations = [
        migrations.AddIndex(
            model_name="incident", index=models.Index(fields=["tenant", "-opened_at"], name="incident_lately")
        ),
    ]
