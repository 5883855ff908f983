"""One batch task per file: its worker, run(). The file's name is the task's name, as in serve/tasks."""
