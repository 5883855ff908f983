"""What is computed together: jobs, by what the operator says of them, and batches of requests."""

from serve.dashboards.grafana import Dashboard, Panel
from serve.dashboards.queries import mean, quantile, rate

JOBS = '{name=~"$release-.+",exported_namespace=~"|$namespace"}'
BATCHED = ',task!="gateway"'
DASHBOARDS = {
    "batch": Dashboard(
        "Batch",
        (
            Panel("Jobs", "How many are in each state.", "short",
                  {"{{deployment_status}}": f"count by (deployment_status) (kuberay_job_deployment_status{JOBS})"}),
            Panel("Time that jobs took", "Until they had ended or were begun anew.", "s",
                  {"{{name}} {{job_deployment_status}}":
                   f"max by (name, job_deployment_status) (kuberay_job_execution_duration_seconds{JOBS})"}),
            Panel("Batch size", "Mean of what is computed in one step.", "short",
                  {"{{model}}": mean("batch_size", "model", BATCHED)}),
            Panel("Batch size, p95", "A twentieth is larger.", "short",
                  {"{{model}}": quantile(0.95, "batch_size", "model", BATCHED)}),
            Panel("Tokens read", "Each second, by model.", "short",
                  {"{{model}}": rate("input_tokens", "model", BATCHED)}),
            Panel("Time in queue, p95", "What batches cost who waits for them.", "s",
                  {"{{model}}": quantile(0.95, "queue_seconds", "model", BATCHED)}),
        ),
    )
}  # fmt: skip
