"""Starts ministack with execution taken out: it keeps definitions (functions, rules, schedules, event source mappings),
and what runs them is the local world, through the gateway. Written against ministack 1.4.21, which requirements.txt pins by hash.

Environment: NIGHTSHIFT_EMULATOR_PORT (where ministack listens, on 127.0.0.1), GATEWAY_PORT and MINISTACK_HOST (the gateway's: ministack
writes them into the URLs that it hands out, such as queue URLs, so that clients stay on the gateway).
Stopped by SIGTERM; with nothing of its own to wind down it ends at once.
"""

import asyncio
import base64
import json
import os
import signal
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import ministack.app as app
from ministack.services import lambda_svc, scheduler, sns
from ministack.services.cloudformation import provisioners
from hypercorn.asyncio import serve
from hypercorn.config import Config

GATEWAY = f"http://{os.environ['MINISTACK_HOST']}:{os.environ['GATEWAY_PORT']}"


def invoke(config, event, kind):
    """Invokes a function through the gateway's Lambda, as the service that ministack plays would. Returns ministack's result shape."""
    arn = config["FunctionArn"]
    region = arn.split(":")[3]
    request = urllib.request.Request(
        f"{GATEWAY}/2015-03-31/functions/{urllib.parse.quote(arn, safe='')}/invocations",
        data=json.dumps(event).encode(),
        method="POST",
        headers={
            "Content-Type": "application/json",
            "X-Amz-Invocation-Type": kind,
            "X-Amz-Log-Type": "Tail",
            "User-Agent": "ministack app/aws-service",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{region}/lambda/aws4_request, SignedHeaders=host, Signature=0",
        },
    )
    try:
        # A function may run for 15 minutes; Lambda's own timeout ends it before this does.
        with urllib.request.urlopen(request, timeout=1000) as reply:
            body = reply.read()
            log = base64.b64decode(reply.headers.get("X-Amz-Log-Result") or "").decode("utf-8", "replace")
            failed = reply.headers.get("X-Amz-Function-Error")
    except urllib.error.HTTPError as error:
        text = error.read().decode("utf-8", "replace")
        name = (error.headers.get("x-amzn-errortype") or "ServiceException").split(":")[0]
        return {"error": True, "body": {"errorType": f"Lambda.{name}", "errorMessage": text}, "log": ""}
    except OSError as error:
        return {"error": True, "body": {"errorType": "Lambda.ServiceException", "errorMessage": str(error)}, "log": ""}
    payload = json.loads(body) if body else None
    result = {"body": payload, "log": log}
    return {**result, "error": True, "function_error": failed} if failed else result


def execute(func, event):
    """Replaces lambda_svc._execute_function: Step Functions, custom resources, log subscriptions and function URLs arrive here."""
    return invoke(func.get("config") or func, event, "RequestResponse")


def execute_later(func, event):
    """Replaces lambda_svc.invoke_async_with_retry: retries, destinations and dead-letter queues are the gateway's."""
    threading.Thread(target=invoke, args=(func.get("config") or func, event, "Event"), daemon=True).start()


def deliver_to_lambda(endpoint, envelope, _topic_arn, sub_arn, _msg_id, _raw, _attributes):
    """Replaces sns._deliver_to_lambda: SNS invokes functions asynchronously (Lambda developer guide, "Invoking Lambda functions with
    Amazon SNS notifications"), ministack waited for them and dropped their failures."""
    func, config, name = lambda_svc._get_func_record_for_ref(endpoint)
    if not func or not config:
        app.logger.warning("SNS: function %s not found", name)
        return
    record = {"EventVersion": "1.0", "EventSubscriptionArn": sub_arn, "EventSource": "aws:sns", "Sns": json.loads(envelope)}
    execute_later({"config": config}, {"Records": [record]})


def keep_what_cloudformation_drops():
    """CloudFormation's AWS::Lambda::Function has settings that ministack forgets when it makes one from a template."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    make = handlers["create"]

    def create(logical_id, props, stack_name):
        name, attributes = make(logical_id, props, stack_name)
        function = lambda_svc._functions[name]
        if props.get("DeadLetterConfig"):
            function["config"]["DeadLetterConfig"] = props["DeadLetterConfig"]
        if props.get("ReservedConcurrentExecutions") is not None:
            function["concurrency"] = int(props["ReservedConcurrentExecutions"])
        return name, attributes

    handlers["create"] = create
    api_handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    make_api = api_handlers["create"]

    def create_api(logical_id, props, stack_name):
        """Its endpoint is the gateway's, which serves HTTP APIs: "<id>.execute-api.127.0.0.1" is no name that anybody could look up."""
        api_id, attributes = make_api(logical_id, props, stack_name)
        endpoint = f"{GATEWAY}/_aws/execute-api/{api_id}"
        provisioners._apigw_v2._apis[api_id]["apiEndpoint"] = endpoint
        return api_id, {**attributes, "ApiEndpoint": endpoint}

    api_handlers["create"] = create_api


def take_over():
    keep_what_cloudformation_drops()
    lambda_svc._execute_function = execute
    lambda_svc.invoke_async_with_retry = execute_later
    lambda_svc._ensure_poller = lambda: None
    sns._deliver_to_lambda = deliver_to_lambda
    scheduler.start_scheduler = lambda: None


def main():
    take_over()
    config = Config()
    config.bind = [f"127.0.0.1:{os.environ['NIGHTSHIFT_EMULATOR_PORT']}"]
    config.keep_alive_timeout = 75
    config.loglevel = os.environ.get("LOG_LEVEL", "WARNING")
    # State lives in memory only, so there is nothing to save: leaving at once keeps the world's stop short.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    asyncio.run(serve(app.app, config, shutdown_trigger=lambda: asyncio.Event().wait()))


if __name__ == "__main__":
    sys.exit(main())
