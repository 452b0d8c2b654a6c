from django.apps import AppConfig


class DetectionConfig(AppConfig):
    name = "detection"
    verbose_name = "Detection"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from detection import catalog, pipeline
        from detection.announcements import DeviceDisowned, DutyChanged, announced

        announced.connect(pipeline.disown_device, sender=DeviceDisowned, dispatch_uid="pipeline.disown_device")
        announced.connect(catalog.duty_changed, sender=DutyChanged, dispatch_uid="catalog.duty_changed")
