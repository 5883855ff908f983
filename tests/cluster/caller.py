"""A client in the cluster: an address and models go in, a line of JSON for each answer comes out until it is ended.

The program of a pod, so that it speaks as clients do: by the Service's name, with a new connection for each request,
which is sent when its time has come, whatever became of those before it. A model that is written `@name` is asked for
by its name, at the gateway.
"""

import itertools
import json
import sys
import threading
import time
import urllib.error
import urllib.request

RATE = 10  # Requests a second, of all models together.
PATIENCE = 120


def main(address: str, *models: str) -> None:
    threads = [threading.Thread(target=call_steadily, args=(address, model, len(models) / RATE)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:  # A program whose main thread has ended may start no further ones.
        thread.join()


def call_steadily(address: str, model: str, between: float) -> None:
    for number in itertools.count():
        threading.Thread(target=call, args=(address, model, number)).start()
        time.sleep(between)


def call(address: str, model: str, number: int) -> None:
    sent = {"model": model, "number": number, "began": time.time()}
    said = {**sent, **answer(address, model), "ended": time.time()}
    sys.stdout.write(f"{json.dumps(said)}\n")  # In one piece, as others write too.
    sys.stdout.flush()


def answer(address: str, model: str) -> dict[str, object]:
    name = model.removeprefix("@")
    path = f"/{name}" if name == model else ""
    body = json.dumps({"model": name, "input": "Hello!"}).encode()
    url, headers = f"{address}{path}/v1/embeddings", {"content-type": "application/json"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as found:  # noqa: S310
            json.load(found)
            return {"status": found.status}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "retry": error.headers.get("retry-after")}
    except (OSError, ValueError) as error:  # Refused, cut short, or no JSON.
        return {"status": 0, "error": repr(error)}


if __name__ == "__main__":
    main(*sys.argv[1:])
