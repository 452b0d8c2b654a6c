"""Events lie in monthly partitions on PostgreSQL from the first day; SQLite keeps the plain table."""

from datetime import UTC, datetime

from django.db import migrations

from detection.partitions import TABLE, month_sql, upcoming

COLUMNS_WITH_KEYS = (("client_id", "detection_client"), ("member_id", "detection_member"))


def partition(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    event = apps.get_model("detection", "Event")
    run = schema_editor.execute
    run(f"ALTER TABLE {TABLE} RENAME TO {TABLE}_plain")
    run(f"CREATE TABLE {TABLE} (LIKE {TABLE}_plain INCLUDING DEFAULTS) PARTITION BY RANGE (received_at)")
    run(f"DROP TABLE {TABLE}_plain")
    run(f"ALTER TABLE {TABLE} ADD PRIMARY KEY (id, received_at)")
    for column, target in COLUMNS_WITH_KEYS:
        run(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}_{column}_fk FOREIGN KEY ({column}) "
            f"REFERENCES {target} (id) DEFERRABLE INITIALLY DEFERRED"
        )
    for first in upcoming(datetime.now(UTC).date(), 3):
        run(month_sql(first))
    run(f"CREATE TABLE {TABLE}_rest PARTITION OF {TABLE} DEFAULT")
    for index in event._meta.indexes:
        schema_editor.add_index(event, index)


def back(apps, schema_editor):
    """Nothing to do: dropping the partitioned table drops its partitions."""


class Migration(migrations.Migration):
    dependencies = [("detection", "0001_initial")]
    operations = [migrations.RunPython(partition, back, elidable=False)]
