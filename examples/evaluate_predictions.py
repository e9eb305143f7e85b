"""Saved DetectAnomalies answers against the truth: figures, JSON and a page to show around."""

import lvtools
from lvtools.demo import make_demo_data

data = make_demo_data("demo")
evaluation = lvtools.evaluate(str(data.truth), str(data.predictions), objects=str(data.folder))
print(evaluation)

evaluation.to_json("evaluation.json")
evaluation.to_html("report.html", objects=str(data.folder))

image = evaluation.to_dict()["image"]
print("F1:", image["f1"]["value"], "between", image["f1"]["low"], "and", image["f1"]["high"])
