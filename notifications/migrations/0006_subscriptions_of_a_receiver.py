"""The subscriptions of one receiver are found by the constraint's own index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_line")]

    operations = [
        migrations.RemoveConstraint(model_name="subscriber", name="subscriber_once"),
        migrations.AddConstraint(
            model_name="subscriber",
            constraint=models.UniqueConstraint(fields=("tenant", "receiver", "topic"), name="subscriber_once"),
        ),
    ]
