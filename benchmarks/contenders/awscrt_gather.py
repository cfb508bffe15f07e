"""The AWS Common Runtime, signing and HTTP in C, under asyncio: put and query gathered, then all posts."""

import asyncio
import hashlib
import json
import os
from collections.abc import Sequence
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlsplit

from awscrt.auth import (
    AwsCredentialsProvider,
    AwsSignatureType,
    AwsSigningAlgorithm,
    AwsSigningConfig,
    aws_sign_request,
)
from awscrt.http import HttpClientConnection, HttpHeaders, HttpRequest

from benchmarks.contenders import harness
from benchmarks.contenders.requests import PushRequests, is_current


class _Client:
    """Signed requests to one service, over as many connections as the others keep."""

    def __init__(self, url: str, service: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._service = service
        self._opened = 0
        self._idle: asyncio.Queue[Any] = asyncio.Queue()
        self._credentials = AwsCredentialsProvider.new_static(
            os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["AWS_SESSION_TOKEN"]
        )

    async def send(self, path: str, headers: Sequence[tuple[str, str]], body: bytes) -> tuple[int, bytes]:
        """Send a POST; return the status and the body of its answer."""
        sent = [("host", f"{self._host}:{self._port}"), ("content-length", str(len(body))), *headers]
        request = HttpRequest("POST", path, HttpHeaders(sent), BytesIO(body))
        config = AwsSigningConfig(
            algorithm=AwsSigningAlgorithm.V4,
            signature_type=AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=self._credentials,
            region=os.environ["AWS_REGION"],
            service=self._service,
            signed_body_value=hashlib.sha256(body).hexdigest(),
        )
        await asyncio.wrap_future(aws_sign_request(request, config))
        connection = await self._acquire()
        chunks: list[bytes] = []
        stream = connection.request(
            request, lambda **_: None, lambda http_stream, chunk, **_: chunks.append(bytes(chunk))
        )
        stream.activate()
        status: int = await asyncio.wrap_future(stream.completion_future)
        self._idle.put_nowait(connection)
        return status, b"".join(chunks)

    async def _acquire(self) -> Any:
        if self._idle.empty() and self._opened < harness.POOL_SIZE:
            self._opened += 1
            return await asyncio.wrap_future(HttpClientConnection.new(self._host, self._port))
        return await self._idle.get()


class AwscrtPush:
    """Both clients, and a method for each step."""

    def __init__(self) -> None:
        self._dynamodb = _Client(os.environ["AWS_ENDPOINT_URL_DYNAMODB"], "dynamodb")
        url = os.environ["CONNECTIONS_URL"]
        self._management = _Client(url, "execute-api")
        self._path = f"{urlsplit(url).path}/@connections/"

    async def push(self, users: Sequence[str]) -> int:
        """Push to users."""
        requests = PushRequests()
        return sum(await asyncio.gather(*(self._reach(requests, user_id) for user_id in users)))

    async def _reach(self, requests: PushRequests, user_id: str) -> int:
        found, _ = await asyncio.gather(self._look_up(requests, user_id), self._call("PutItem", requests.put(user_id)))
        return sum(await asyncio.gather(*(self._post(requests, each) for each in found)))

    async def _look_up(self, requests: PushRequests, user_id: str) -> list[str]:
        found: list[str] = []
        start = None
        while True:
            page = await self._call("Query", requests.query(user_id, start))
            found += [item["connectionId"]["S"] for item in page["Items"] if is_current(item)]
            start = page.get("LastEvaluatedKey")
            if start is None:
                return found

    async def _call(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        headers = (
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", f"DynamoDB_20120810.{operation}"),
        )
        status, body = await self._dynamodb.send("/", headers, json.dumps(members).encode())
        if status != 200:
            raise RuntimeError(f"{operation} was answered with {status}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    async def _post(self, requests: PushRequests, connection_id: str) -> bool:
        path = self._path + quote(connection_id, safe="")
        headers = (("content-type", "application/octet-stream"),)
        status, _ = await self._management.send(path, headers, requests.frame)
        return status == 200


def main() -> None:
    """Do the tasks of the command line."""
    clients: list[AwscrtPush] = []

    async def push(users: Sequence[str]) -> int:
        if not clients:
            clients.append(AwscrtPush())  # its queues belong to the running loop
        return await clients[0].push(users)

    harness.run_async(push)


if __name__ == "__main__":
    main()
