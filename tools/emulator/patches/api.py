"""What API Gateway's control plane returns."""

import functools
import json
from collections.abc import Iterable
from typing import Any

from tools.emulator.patches.support import Record, existing


def read_back_authorizers(apigateway: Any) -> None:
    """Return an authorizer as it was written.

    AWS: `authorizerPayloadFormatVersion`, `enableSimpleResponses` and `jwtConfiguration` belong to HTTP APIs (API
    Gateway v2 API reference, Authorizer); a WebSocket API's REQUEST authorizer comes back without them, and without
    identity sources if none were given. ministack makes values up, so that every plan wants to change them.

    Goes when: ministack returns a WebSocket API's authorizer as it was written.
    """
    create = existing(apigateway, "_create_authorizer", ("api_id", "data"))
    stored = existing(apigateway, "_authorizers")

    @functools.wraps(create)
    def create_as_written(api_id: str, data: Record) -> Any:
        answer = create(api_id, data)
        if data.get("authorizerType") != "REQUEST" or answer[0] != 201:
            return answer
        authorizer = stored[api_id][json.loads(answer[2])["authorizerId"]]
        _drop_unless_given(
            authorizer,
            data,
            ("jwtConfiguration", "authorizerPayloadFormatVersion", "enableSimpleResponses", "identitySource"),
        )
        return apigateway._apigw_response(authorizer, 201)

    apigateway._create_authorizer = create_as_written


def read_back_integrations(apigateway: Any) -> None:
    """Keep what a MOCK integration was given, and add nothing.

    AWS returns `templateSelectionExpression` and `passthroughBehavior` as they were set, and a MOCK integration has
    neither a method nor a URI (API Gateway v2 API reference, Integration). ministack forgets the first two and makes
    up the others.

    Goes when: ministack keeps those members of a MOCK integration.
    """
    create = existing(apigateway, "_create_integration", ("api_id", "data"))
    update = existing(apigateway, "_update_integration", ("api_id", "int_id", "data"))
    stored = existing(apigateway, "_integrations")
    forgotten = ("templateSelectionExpression", "passthroughBehavior")

    def keep(integration: Record, data: Record, status: int) -> Any:
        integration.update({name: data[name] for name in forgotten if name in data})
        return apigateway._apigw_response(integration, status)

    @functools.wraps(create)
    def create_as_written(api_id: str, data: Record) -> Any:
        answer = create(api_id, data)
        if answer[0] != 201:
            return answer
        integration = stored[api_id][json.loads(answer[2])["integrationId"]]
        if data.get("integrationType") == "MOCK":
            _drop_unless_given(integration, data, ("integrationMethod", "integrationUri"))
        return keep(integration, data, 201)

    @functools.wraps(update)
    def update_as_written(api_id: str, int_id: str, data: Record) -> Any:
        answer = update(api_id, int_id, data)
        return answer if answer[0] != 200 else keep(stored[api_id][int_id], data, 200)

    apigateway._create_integration = create_as_written
    apigateway._update_integration = update_as_written


def give_the_endpoint_of_aws(apigateway: Any) -> None:
    """Return a WebSocket API's endpoint as AWS does: `wss://`, and the host name without a port.

    Its users dial the address in `AWS_ENDPOINT_URL` and keep the name, as SDKs do with that variable. ministack's
    own form names its port, and a scheme that depends on whether it serves TLS.

    Goes when: ministack's apiEndpoint of a WebSocket API has the form of AWS.
    """
    create = existing(apigateway, "_create_api", ("data",))
    stored = existing(apigateway, "_apis")
    host = existing(apigateway, "_HOST")

    @functools.wraps(create)
    def create_with_endpoint(data: Record) -> Any:
        answer = create(data)
        if answer[0] != 201 or data.get("protocolType") != "WEBSOCKET":
            return answer
        api = stored[json.loads(answer[2])["apiId"]]
        api["apiEndpoint"] = f"wss://{api['apiId']}.execute-api.{host}"
        return apigateway._apigw_response(api, 201)

    apigateway._create_api = create_with_endpoint


def _drop_unless_given(record: Record, given: Record, names: Iterable[str]) -> None:
    for name in names:
        if not given.get(name):
            record.pop(name, None)
