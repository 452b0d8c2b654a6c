from django.db import migrations, models

WORDS = ("title", "summary", "subject", "event_id", "ip", "device")
AVAILABLE = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"


def index_words(apps, schema_editor):
    """PostgreSQL finds a part of a word by trigrams; where the server lacks them, it reads the alerts through."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(AVAILABLE)
        if cursor.fetchone() is None:
            return
    columns = ", ".join(f"upper({name}) gin_trgm_ops" for name in WORDS)
    schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    schema_editor.execute(f"CREATE INDEX IF NOT EXISTS alert_words ON detection_alert USING gin ({columns})")


def forget_words(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS alert_words")


class Migration(migrations.Migration):
    dependencies = [
        ("detection", "0014_alerts_at_work"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("disputed", True)), fields=["-created_at", "-id"], name="alert_disputed"
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["assignee", "-created_at", "-id"], name="alert_assignee"),
        ),
        migrations.RunPython(index_words, forget_words),
    ]
