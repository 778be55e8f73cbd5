"""One module a task: `python -m benchmarks.tasks.NAME --data DIR` reproduces its figures."""
