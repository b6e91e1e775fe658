"""The product's addresses, and one that does nothing."""

from typing import Any

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orchestrator.urls import urlpatterns as of_the_product

NOTHING = "/api/v1/nothing/"


class Nothing(APIView):
    """What the frameworks cost by themselves."""

    authentication_classes: Any = ()
    permission_classes: Any = ()

    def post(self, request: Request) -> Response:
        """Nothing."""
        return Response({})


urlpatterns = [path(NOTHING.removeprefix("/"), Nothing.as_view()), *of_the_product]
