"""Where the console begins, and Django's own pages beside it."""

import re

import pytest
from django.urls import reverse

from tests.sagas.admin.conftest import START

pytestmark = pytest.mark.django_db


def test_the_console_begins_with_what_needs_a_person(operator):
    assert operator.get("/admin/").url == START
    assert operator.get(START).status_code == 200


def test_who_may_not_look_is_shown_what_they_may(someone):
    answer = someone("view_user").get("/admin/")
    assert answer.status_code == 200
    assert b"Users" in answer.content


def test_who_is_not_logged_in_is_sent_to_the_login(client):
    assert client.get("/admin/").url == "/admin/login/?next=/admin/"
    assert client.get("/admin/all/").status_code == 302


def test_djangos_index_is_a_link_away(admin_client):
    assert b'href="/admin/all/"' in admin_client.get(START).content
    assert b"Authentication and Authorization" in admin_client.get("/admin/all/").content


@pytest.mark.parametrize(
    "page",
    [
        "admin:login",
        "admin:index",
        "all",
        "admin:password_change",
        "admin:password_change_done",
        "admin:auth_user_changelist",
        "admin:auth_user_add",
        "admin:auth_group_changelist",
        "admin:gateway_membership_add",
    ],
)
def test_djangos_own_pages_need_nothing_inline(admin_client, client, page):
    who = client if page == "admin:login" else admin_client
    if page == "admin:login":
        client.logout()
    answer = who.get(reverse(page), follow=True)
    assert answer.status_code == 200
    policy, text = answer["Content-Security-Policy"], answer.content.decode()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert not [tag for tag in re.findall(r"<script\b[^>]*>", text) if "src=" not in tag and "json" not in tag]


def test_a_user_and_a_password_are_changed_without_anything_inline(admin_client, django_user_model):
    user = django_user_model.objects.create_user("bob")
    for name in ("admin:auth_user_change", "admin:auth_user_password_change", "admin:auth_user_delete"):
        answer = admin_client.get(reverse(name, args=[user.pk]))
        assert answer.status_code == 200
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", answer.content.decode())
