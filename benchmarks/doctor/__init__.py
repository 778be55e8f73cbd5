"""Does the doctor find what is wrong, and only that? Spoiled trainings, and healthy ones.

python -m benchmarks.doctor --json FILE
"""
