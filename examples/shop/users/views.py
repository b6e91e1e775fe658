from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET

from examples.shop.participant.problems import Refused
from examples.shop.users.models import User


@require_GET
def user(request: HttpRequest, user_id: str) -> HttpResponse:
    found = User.objects.filter(id=user_id).values().first()
    if found is None:
        raise Refused(404, "no_such_user", f'There is no user "{user_id}".')
    return JsonResponse(found)


urlpatterns = [path("users/<user_id>", user)]
