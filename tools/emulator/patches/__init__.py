"""Corrections of ministack where it differs from AWS in what the module or its functions rely on.

The product knows nothing of the emulator, so what the emulator gets wrong is put right here, in its own process. Each
patch says what AWS does and when the patch can go, and `apply` fails loudly if the thing to be patched is not there any
more.
"""

from tools.emulator.patches import alarms, api, connections, frames, functions, queues

VERSION = "1.5.33"


def apply() -> None:
    """Apply every patch; call it once, before the emulator starts."""
    from hypercorn.asyncio import tcp_server
    from hypercorn.protocol import ws_stream
    from ministack.core import iam_evaluator, lambda_runtime
    from ministack.services import apigateway, cloudwatch, lambda_svc, sqs

    api.read_back_authorizers(apigateway)
    api.read_back_integrations(apigateway)
    api.give_the_endpoint_of_aws(apigateway)

    connections.echo_the_subprotocol(apigateway)
    connections.answer_401_to_unauthorized(apigateway, lambda_svc)
    connections.refuse_with_the_status_of_connect(apigateway)
    connections.pass_on_every_header(apigateway)
    connections.remember_when_a_connection_was_made(apigateway)
    connections.fill_the_buffer_of_a_client_that_does_not_read(apigateway, tcp_server)

    frames.reply_only_through_route_responses(apigateway)
    frames.answer_failures(apigateway, lambda_svc)
    frames.close_over_the_quotas(ws_stream)
    frames.close_over_binary(apigateway)

    functions.name_the_exception(lambda_runtime, lambda_svc)
    functions.put_local_libraries_first(lambda_runtime)
    functions.count_loopback_as_secure(iam_evaluator)
    functions.describe_failed_invocations(lambda_svc, sqs)

    queues.redrive_dead_letters(sqs)

    alarms.keep_alarms_whole(cloudwatch)
    alarms.answer_queries_in_full(cloudwatch)
