from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sagas", "0016_ends_that_were_given_up")]

    operations = [
        migrations.AlterModelOptions(
            name="saga",
            options={
                "permissions": [
                    ("reveal_saga", "Can see what is sensitive"),
                    ("see_payloads", "Can see what sagas were given and gave"),
                ]
            },
        ),
        migrations.AddField(model_name="sweep", name="beat_at", field=models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex(model_name="alert", index=models.Index(fields=["-told_at"], name="alert_told")),
        migrations.AddIndex(model_name="audit", index=models.Index(fields=["tenant", "-id"], name="audit_list")),
        migrations.AddIndex(
            model_name="audit", index=models.Index(fields=["tenant", "verb", "-id"], name="audit_of_verb")
        ),
        migrations.AddIndex(
            model_name="audit", index=models.Index(fields=["tenant", "actor", "-id"], name="audit_of_actor")
        ),
    ]
