"""Which threshold? Candidates with what each does and how far it would move; figures for a paper or a slide."""

from matplotlib.figure import Figure

import lvtools
from lvtools import plots
from lvtools.demo import make_demo_data

data = make_demo_data("demo")
evaluation = lvtools.evaluate(str(data.truth), str(data.predictions), wishes=[{"cost": (20, 1)}])
for row in evaluation.threshold_advice().to_pylist():
    other = f"{row['f1_low']:.3f}..{row['f1_high']:.3f}"
    print(f"{row['point']:30} {row['short']:<8} F1 {row['f1']:.3f}, on other draws {other}")

figure = Figure(figsize=(10, 8), layout="constrained")
axes = figure.subplots(2, 2)
plots.confusion_matrix(evaluation, axes[0, 0])
plots.pr_curve(evaluation, axes[0, 1])
plots.score_histogram(evaluation, axes[1, 0])
plots.threshold_tradeoff(evaluation, axes[1, 1])
figure.savefig("threshold.png", dpi=120)
print("threshold.png")
