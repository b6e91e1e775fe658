"""Live sagas of the first shape: their rows are counted, and their groups are named as they are now."""

from typing import Any

from django.db import migrations


def count(apps: Any, schema_editor: Any) -> None:
    saga_model, run_model = apps.get_model("sagas", "Saga"), apps.get_model("sagas", "Run")
    for saga in saga_model.objects.filter(ended_at=None).only("id", "position", "going").iterator():
        if "tally" in saga.position:
            continue
        runs = list(run_model.objects.filter(saga_id=saga.pk).only("id", "work", "state", "undo"))
        forward = saga.going == "forward"
        held = [run.pk for run in runs if forward and run.work is None and run.state in ("failed", "unknown")]
        run_model.objects.filter(pk__in=held).update(held=True)
        busy = sum(run.work is not None for run in runs)
        stuck = sum(run.work is None and run.undo == "stuck" for run in runs)
        position = {"row": saga.position["row"], "groups": _groups(saga.position), "tally": [busy, 0, len(held), stuck]}
        saga_model.objects.filter(pk=saga.pk).update(position=position)


def _groups(position: dict[str, Any]) -> dict[str, list[int]]:
    """A group had the path of its place and a count of open members; it has a name and five counts now."""
    named = {f"parallel_{path.replace('.', '_')}": still for path, still in position.get("open", {}).items()}
    return {path: [still, still, 0, 0, 0] for path, still in named.items()}


class Migration(migrations.Migration):
    dependencies = [("sagas", "0002_whole_semantics")]
    operations = [migrations.RunPython(count, migrations.RunPython.noop)]
