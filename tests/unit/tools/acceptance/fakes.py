"""A stand-in for boto3's `client`: answers by operation, and what is not given is refused for want of permission."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


def error(code: str) -> ClientError:
    """Return what boto3 raises where AWS answers with a code."""
    return ClientError({"Error": {"Code": code}}, "Operation")


def client(**answers: Any) -> Callable[..., Any]:
    """Return a `client` whose operations answer with a value, a call's result, or an exception."""

    def operation(name: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            answer = answers.get(name, error("AccessDeniedException"))
            answer = answer(**request) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    class Client:
        def __getattr__(self, name: str) -> Any:
            return operation(name)

        def get_paginator(self, name: str) -> Any:
            class Paginator:
                @staticmethod
                def paginate(**request: Any) -> list[Any]:
                    return [operation(name)(**request)]

            return Paginator

    return lambda *arguments, **options: Client()
