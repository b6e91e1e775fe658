"""Addresses of the notification service, below wherever the project includes them."""

from django.urls import URLPattern

app_name = "notifications"

urlpatterns: list[URLPattern] = []
