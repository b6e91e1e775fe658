import secrets

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from pydantic import BaseModel

from examples.shop.participant.callbacks import call_back
from examples.shop.participant.keys import action_key_of, key_of
from examples.shop.participant.models import Entry
from examples.shop.participant.problems import Refused
from examples.shop.users.models import SignUp, User
from sagas.participant.barrier import participant_barrier

PAGE = """<!doctype html><title>{title}</title><h1>{title}</h1>
<form method="post"><button{disabled}>Yes, this is my address</button></form>"""


class Wanted(BaseModel):
    user_id: str
    name: str
    email: str
    callback: str = ""


@require_GET
def user(request: HttpRequest, user_id: str) -> HttpResponse:
    found = User.objects.filter(id=user_id).first()
    if found is None:
        raise Refused(404, "no_such_user", f'There is no user "{user_id}".')
    return JsonResponse(found.shown())


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """An account that may not buy yet, and the link with which its owner confirms the address."""
    wanted = Wanted.model_validate_json(request.body)
    with transaction.atomic(), participant_barrier(key_of(request), "action") as barrier:
        if barrier.first:
            sign_up = _signed_up(wanted, key_of(request))
            Entry.of_action(request, "create", of="users", quantity=-1)  # one more, not one taken
            link = request.build_absolute_uri(f"/confirm/{sign_up.code}")
            barrier.keep({"user_id": wanted.user_id, "link": link})
    return JsonResponse(barrier.answer, status=201)


@require_POST
def delete(request: HttpRequest) -> HttpResponse:
    with (
        transaction.atomic(),
        participant_barrier(key_of(request), "compensation", action_key=action_key_of(request)) as barrier,
    ):
        if barrier.first:
            User.objects.get(signup__key=action_key_of(request)).delete()
            Entry.of_compensation(request, "delete", of="users", quantity=-1)
            barrier.keep({"deleted": 1})
    return JsonResponse(barrier.answer or {"deleted": 0})


@require_POST
def activate(request: HttpRequest, user_id: str) -> HttpResponse:
    with transaction.atomic(), participant_barrier(key_of(request), "action") as barrier:
        if barrier.first:
            if not User.objects.filter(id=user_id).update(active=True):
                raise Refused(404, "no_such_user", f'There is no user "{user_id}".')
            Entry.of_action(request, "activate", of=user_id)
            barrier.keep({"user_id": user_id, "active": True})
    return JsonResponse(barrier.answer)


@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, code: str) -> HttpResponse:
    """The page behind the mailed link. It asks first: programs that check mails follow links, but press no buttons."""
    with transaction.atomic():
        sign_up = SignUp.objects.select_for_update().filter(code=code).first()
        if sign_up is None:
            raise Http404("This link is not valid any more.")
        if request.method == "POST" and not sign_up.confirmed:
            SignUp.objects.filter(pk=sign_up.pk).update(confirmed=True)
            sign_up.confirmed = True
            call_back(sign_up.callback, {"user_id": sign_up.user_id})
    title, disabled = ("Thank you", " disabled") if sign_up.confirmed else (f"Hello, {sign_up.user.name}", "")
    return HttpResponse(format_html(PAGE, title=title, disabled=disabled))


def _signed_up(wanted: Wanted, key: str) -> SignUp:
    if User.objects.filter(id=wanted.user_id).exists():
        raise Refused(422, "name_taken", f'There is a user "{wanted.user_id}" already.')
    user = User.objects.create(id=wanted.user_id, name=wanted.name, email=wanted.email, active=False)
    return SignUp.objects.create(key=key, user=user, code=secrets.token_urlsafe(), callback=wanted.callback)


urlpatterns = [
    path("users/<user_id>", user),
    path("accounts", create),
    path("accounts/delete", delete),
    path("accounts/<user_id>/activate", activate),
    path("confirm/<code>", confirm),
]
