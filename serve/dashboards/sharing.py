"""GPUs that several models share: what each may take, what it takes, and what is free."""

from serve.dashboards.grafana import Dashboard, Panel
from serve.dashboards.queries import now

GPU = "accelerator, gpu"
OWN = "accelerator, gpu, model"
NAMED = "{{accelerator}} {{gpu}}"
OWNED = f"{NAMED} {{{{model}}}}"
USED = now("max", "model_memory_used_bytes", OWN)
BUDGET = now("max", "model_memory_budget_bytes", OWN)

DASHBOARDS = {
    "sharing": Dashboard(
        "GPU sharing",
        (
            Panel(
                "Memory against budget",
                "The largest of a model's replicas; above 1 its neighbours lack what is theirs.",
                "percentunit",
                {OWNED: f"{USED} / {BUDGET}"},
            ),
            Panel("Memory that models take", "Of each GPU.", "bytes", {OWNED: USED}),
            Panel("Budgets", "What the ledger gives each model of each GPU.", "bytes",
                  {"{{accelerator}} {{card}} {{model}}": now("max", "model_budget_bytes", "accelerator, card, model")}),
            Panel("Free of the ledger", "Memory that another model could be given.", "bytes",
                  {"{{accelerator}} {{card}}": now("max", "card_free_memory_bytes", "accelerator, card")}),
            Panel("Memory in use", "Of each GPU, by whomever, and all that it has.", "bytes",
                  {f"{NAMED} used": now("max", "gpu_memory_used_bytes", GPU),
                   f"{NAMED} all": now("max", "gpu_memory_bytes", GPU)}),
            Panel("Utilisation", "Part of the time that each works.", "percentunit",
                  {NAMED: now("max", "gpu_busy_ratio", GPU)}),
            Panel("Shares", "Part of each GPU that each model has in Ray's books.", "percentunit",
                  {"{{accelerator}} {{card}} {{model}}": now("max", "model_share", "accelerator, card, model")}),
            Panel("GPUs that are there", "0 where one has left the bus.", "short",
                  {NAMED: now("min", "gpu_present", GPU)}, kind="stat"),
        ),
    )
}  # fmt: skip
