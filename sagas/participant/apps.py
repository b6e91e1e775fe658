from django.apps import AppConfig


class ParticipantConfig(AppConfig):
    name = "sagas.participant"
    label = "saga_participant"
    verbose_name = "Saga participant"
    default_auto_field = "django.db.models.BigAutoField"
