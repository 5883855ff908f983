"""`python -m serve.dashboards` writes the chart's dashboards."""

from serve.dashboards import written

for path, text in written().items():
    path.write_text(text)
