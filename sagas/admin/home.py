"""Where the console begins: at what needs a person, for who may see it; Django's own index for everybody else."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from sagas.admin.console import LOOK, OPERATE, may


def _home(request: HttpRequest, *args: Any) -> HttpResponse:
    if may(request, LOOK) or may(request, OPERATE):
        return HttpResponseRedirect(reverse("admin:sagas_incident_changelist"))
    return admin.site.index(request)


home = admin.site.admin_view(_home)
