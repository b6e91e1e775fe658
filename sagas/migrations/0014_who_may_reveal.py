from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sagas", "0013_alerts")]

    operations = [
        migrations.AlterModelOptions(
            name="saga", options={"permissions": [("reveal_saga", "Can see what is sensitive")]}
        ),
    ]
