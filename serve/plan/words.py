"""A plan goes in, the lines that a person reads come out; the first of them is the verdict."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from typing import Any

from serve.plan import demand, recipe
from serve.plan.budgets import Budgets
from serve.plan.models import scaled_only
from serve.plan.plan import Plan, Verdict
from serve.plan.tree import Difference

VERDICTS = {
    Verdict.FIRST_INSTALL: "First install: KubeRay starts a Ray cluster of {count} pods.",
    Verdict.NOTHING: "Nothing: what runs is what the values say.",
    Verdict.IN_PLACE: "In place: no pod is touched, and models that are not named below serve on.",
    Verdict.IGNORED: "Ignored by KubeRay: it does not carry these over to a cluster that runs.",
    Verdict.APPENDED: "Appended: {appended} joins the running cluster, whose pods are left alone.",
    Verdict.SECOND_CLUSTER: "A second cluster: KubeRay starts every pod once more, moves over when all models answer "
    "there, and ends the first a minute later.",
    Verdict.RECREATION: "The cluster is made anew: a hook of Helm's ends its pods, KubeRay starts others in their "
    "place, and until these serve requests are answered 503.",
}
STARVED = {
    Verdict.FIRST_INSTALL: "These pods wait for room, and so do the models on them.",
    Verdict.APPENDED: "These pods wait for room, and so do the models on them.",
    Verdict.SECOND_CLUSTER: "So the second cluster waits for room, without an end; the first serves on.",
    Verdict.RECREATION: "The old pods end all the same; these wait for room, and so does every model.",
}
NEXT_CLUSTER = {
    Verdict.SECOND_CLUSTER: "The second cluster starts with these changes of models, the first keeps what it has:",
    Verdict.RECREATION: "It starts with these changes of models:",
}
GATEWAY = {
    "ledger": "  the gateway takes a new ledger for its metrics; its replica stays",
    "table": "  the gateway takes a new table of models; its replica stays",
    "replaced": "  the gateway is replaced: /v1 and the aliases answer again when it has started",
}
LONGEST = 60


def verdict(plan: Plan) -> str:
    return VERDICTS[plan.verdict].format(count=len(plan.starts), appended=", ".join(plan.cluster.appended))


def reasons(plan: Plan) -> Iterator[str]:
    """Why the pods change, and what the operator does not look at."""
    yield from _context(plan)
    for one in plan.cluster.hashed:
        yield f"  {_said(one)}"
    if plan.verdict is Verdict.APPENDED and plan.cluster.unhashed:
        yield "With it the cluster takes over, for pods that start from now on:"
    elif plan.verdict is Verdict.IN_PLACE and plan.cluster.unhashed:
        yield "Ignored by KubeRay, which does not carry them over to a cluster that runs:"
    for one in plan.cluster.unhashed:
        yield f"  {_said(one)}"
    for one in plan.models.fixed:
        yield f"Read by Serve only when it starts: {_said(one)}"


def pods(plan: Plan) -> Iterator[str]:
    """What starts, what it needs, and whether the nodes have it."""
    if not plan.starts:
        return
    yield f"Pods that start: {_grouped(plan.starts)}; they need {_needed(plan)}."
    if plan.unknown:
        yield f"Whether the nodes have that is not known: {plan.unknown}"
        return
    if not plan.waiting:
        found = ", ".join(f"{place.pod.group} on {place.node}" for place in plan.places)
        yield f"The nodes have room{', but for devices' if plan.claims else ''}: {found}."
    for claim, groups in plan.claims.items():
        yield f"  claim {claim} of {' and '.join(dict.fromkeys(groups))}: only the scheduler knows if a device is free"
    for place in plan.waiting:
        yield f"  no room for {place.pod.group}: {place.reason}"
    if plan.waiting:
        yield STARVED[plan.verdict]


def models(plan: Plan) -> Iterator[str]:
    """What becomes of each model that changes."""
    changes, anew = plan.models, plan.verdict in NEXT_CLUSTER
    if changes and anew:
        yield NEXT_CLUSTER[plan.verdict]
    for name in changes.added:
        yield f"  + {name}{'' if anew else ': starts'}"
    for name, found in (changes.changed or {}).items():
        yield f"  ~ {name}: {', '.join(map(_said, found))}{'' if anew else _fate(found)}"
    for name in changes.removed:
        yield f"  - {name}{'' if anew else ': stops'}"
    if changes.gateway and not anew:
        yield GATEWAY[changes.gateway]


def objects(plan: Plan) -> Iterator[str]:
    """What Helm does beside."""
    found = plan.objects
    for did, names in (("adds", found.added), ("changes", found.changed), ("removes", found.removed)):
        if names:
            yield f"Helm {did} {', '.join(names)}."


def budgets(found: Budgets, asked: bool) -> Iterator[str]:
    """What is too small, and with `asked` also what nobody can tell."""
    for model, (memory, estimate) in found.short.items():
        given, named = f"{memory // 2**20}Mi", estimate.parts(gibibytes)
        yield f"models.{model}.memory: {given} is below the estimated {gibibytes(estimate.total)} ({named})"
    for model, reason in found.unknown.items() if asked else ():
        yield f"models.{model}.memory is not estimated: {reason}"


def advice(plan: Plan, release: str, namespace: str) -> Iterator[str]:
    """Commands that do what the operator does not."""
    if plan.verdict in (Verdict.IGNORED, Verdict.IN_PLACE) and plan.cluster.unhashed:
        yield "To carry them over without a new cluster, for pods that start from then on:"
        yield f"  {recipe.carried_over(plan, release, namespace)}"


def gibibytes(number: float) -> str:
    return f"{number / 2**30:.1f}Gi"


def _context(plan: Plan) -> Iterator[str]:
    before = plan.before
    if before and before.upgrading:
        fate = "which is dropped for a new one" if plan.verdict in NEXT_CLUSTER else "which takes this change"
        yield f"An upgrade is under way: KubeRay compares with the cluster that is starting, {before.name}, {fate}."
    elif before and not before.serving:
        yield f"{before.name} is still starting for the first time; what is said of the running cluster is said of it."
    if plan.may_hold_back:
        yield "What recreate has held back, if anything, comes as a second cluster with this strategy; --live tells."


def _said(one: Difference) -> str:
    words = [word for word in one.path.split(".") if word not in ("template", "containers", "ray", "placement")]
    path = ".".join(words).replace(".spec.", ".")
    if one.old is None or one.new is None:
        whole = isinstance(one.old or one.new, dict) and "." not in one.path
        done = "added" if one.old is None else "removed"
        return f"{path} {done}" if whole else f"{path}: {_value(one.old)} → {_value(one.new)}"
    return f"{path}: {_value(one.old, path)} → {_value(one.new, path)}"


def _value(value: Any, path: str = "") -> str:
    if path == "memory" and isinstance(value, int):
        return gibibytes(value)
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _fate(found: Collection[Difference]) -> str:
    return "; replicas that stay are left alone" if scaled_only(found) else "; its replicas are replaced"


def _needed(plan: Plan) -> str:
    total = demand.added(pod.requests for pod in plan.starts)
    cpus, ram = _number(total.get("cpu", Decimal(0))), gibibytes(int(total.get("memory", 0)))
    gpus = sum(plan.devices.values())
    more = " more" if plan.verdict is Verdict.SECOND_CLUSTER else ""
    named = ", ".join(f"{_number(number)} {name}" for name, number in plan.devices.items())
    counted = f"{_number(gpus)}{more} GPU{'s' if gpus != 1 else ''}: {named}" if gpus else "no GPU"
    return f"{counted} ({cpus} CPUs, {ram} of RAM)"


def _grouped(starts: Iterable[demand.Pod]) -> str:
    counts = Counter(pod.group for pod in starts)
    return ", ".join(f"{count} {name}" if count > 1 else name for name, count in counts.items())


def _number(number: Decimal | int) -> str:
    return format(Decimal(number).normalize(), "f")
