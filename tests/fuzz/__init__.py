"""`make fuzz`: a real service goes in, requests that nobody should send are sent to it, a verdict comes out.

`service` starts five models on real engines; `described` sends what Schemathesis makes of the OpenAPI of each, `bodies`
and `recordings` are our own worst requests and `barrage` sends them, by `client`, which also leaves early. `verdict`
judges what was answered, and how the service is afterwards.
"""

SEED = 7
EVERY_SECONDS = 15
"""Between looks at the memory of processes, when nothing is asked."""
BOUND_SECONDS = 60
"""In which every request is answered or refused."""
