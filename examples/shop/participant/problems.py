from http import HTTPStatus

from django.http import JsonResponse


class Refused(Exception):
    """The participant says no, in its own words: leaves a view as a problem document (RFC 9457)."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail

    def answer(self) -> JsonResponse:
        return problem(self.status, self.code, self.detail)


def problem(status: int, code: str, detail: str, **headers: str) -> JsonResponse:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json", headers=headers)
