"""For participants: makes the effect of a step happen exactly once. Needs no coordinator in the same project.

Add `"sagas.participant"` to `INSTALLED_APPS`, run `migrate`, and enter the barrier in the transaction of the effect:

    from sagas.participant.barrier import participant_barrier

    with transaction.atomic(), participant_barrier(key, "action") as barrier:
        if barrier.first:
            charge = Charge.objects.create(...)
            barrier.keep({"charge": charge.id})
    return JsonResponse(barrier.answer)
"""
