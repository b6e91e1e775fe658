"""The address of the page behind an approval's link."""

from django.urls import path

from sagas.approvals.page import approval

app_name = "approvals"

urlpatterns = [path("<str:token>/", approval, name="approval")]
