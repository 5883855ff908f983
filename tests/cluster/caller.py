"""A client in the cluster: an address and models go in, a line of JSON for each answer comes out until it is ended.

The program of a pod, so that it speaks as clients do: by the Service's name, with a new connection for each request.
"""

import json
import sys
import threading
import time
import urllib.error
import urllib.request

BETWEEN = 0.2
PATIENCE = 120


def main(address: str, *models: str) -> None:
    for model in models:
        threading.Thread(target=call_steadily, args=(address, model)).start()


def call_steadily(address: str, model: str) -> None:
    while True:
        call = {"model": model, "began": time.time(), **answer(address, model), "ended": time.time()}
        sys.stdout.write(f"{json.dumps(call)}\n")  # In one piece, as others write too.
        sys.stdout.flush()
        time.sleep(BETWEEN)


def answer(address: str, model: str) -> dict[str, object]:
    body = json.dumps({"model": model, "input": "Hello!"}).encode()
    url, headers = f"{address}/{model}/v1/embeddings", {"content-type": "application/json"}
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
