from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("detection", "0013_devices_forgotten"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["status", "severity"], name="alert_open"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("snoozed_until__isnull", False)), fields=["snoozed_until"], name="alert_snoozed"
            ),
        ),
    ]
