"""Speed and memory side by side with what a good user would write today. `python -m benchmarks [ROAD...]`."""
