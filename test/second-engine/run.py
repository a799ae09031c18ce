"""
Runs state machines on moto's interpreter of the Amazon States Language, which comes from LocalStack: written by others, from the same pages of AWS.
stdin: plays (definition, name, input, answers); stdout: a line of JSON, how each ended and what was asked. Two things of it are replaced: JSONata, which
LocalStack evaluates in a Java machine, by its port to Python; and waiting, which takes no time here.
"""
import importlib.abc
import importlib.machinery
import json
import sys


class Unused(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """moto's other services name `cryptography` when they are imported, which isn't installed here (its wheels are compiled for each platform): empty modules and classes."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] == "cryptography" else None

    def exec_module(self, module):
        module.__getattr__ = lambda name: type(name, (), {})


sys.meta_path.insert(0, Unused())

from jsonata.jsonata import Jsonata
import moto.stepfunctions.parser.asl.jsonata.jsonata as bridge
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.evaluation_details import (
    AWSExecutionDetails,
    EvaluationDetails,
    ExecutionDetails,
    StateMachineDetails,
)
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded
from moto.stepfunctions.parser.backend.execution_worker import SyncExecutionWorker


class NoTime:
    sleep = staticmethod(lambda seconds: None)


bridge._eval_jsonata = lambda expression: json.loads(json.dumps(Jsonata(expression).evaluate(None)))
WaitFunction._wait_interval = lambda self, env, wait_seconds: None
retrier_decl.time = NoTime

ARN = "arn:aws:states:us-east-1:111122223333"
ROLE = "arn:aws:iam::111122223333:role/played"


ASKED = {}
ANSWERS = {}


def invoke(parameters, region, state_credentials):
    """By the execution that asks: a branch that was stopped may still ask when its execution is over."""
    order = json.loads(parameters["Payload"])
    return ANSWERS[order["run"]](order)


lambda_eval_utils._invoke_lambda_function = invoke


class Ended:
    def terminated(self):
        pass


def run(play):
    """`answers`: by what is asked ("step prove", or "step" for all), one answer a turn, the last one for ever; `{"error": name}` throws."""
    asked = ASKED[play["name"]] = []
    turns = {}

    def answer(order):
        asked.append(order)
        key = " ".join([order["do"], *([order["step"]] if "step" in order else [])])
        script = play["answers"].get(key) or play["answers"].get(order["do"]) or [{"kind": "done"}]
        reply = script[min(turns.get(key, 0), len(script) - 1)]
        turns[key] = turns.get(key, 0) + 1
        if "error" in reply:
            thrown = {"errorType": reply["error"], "errorMessage": "played"}
            return {"FunctionError": "Unhandled", "StatusCode": 200, "Payload": thrown}
        return {"StatusCode": 200, "Payload": reply}

    ANSWERS[play["name"]] = answer
    details = EvaluationDetails(
        AWSExecutionDetails("111122223333", "us-east-1", ROLE),
        ExecutionDetails(f"{ARN}:execution:played:{play['name']}", play["name"], ROLE, play["input"], "2026-01-01T00:00:00Z"),
        StateMachineDetails(f"{ARN}:stateMachine:played", "played", "STANDARD", json.dumps(play["definition"])),
    )
    worker = SyncExecutionWorker(details, Ended(), None, {})
    worker.start()
    state = worker.env.program_state()
    if isinstance(state, ProgramEnded):
        return {"status": "SUCCEEDED", "asked": asked}
    return {"status": "FAILED", "error": (getattr(state, "error", None) or {}).get("error"), "asked": asked}


print(json.dumps([run(play) for play in json.load(sys.stdin)]))
