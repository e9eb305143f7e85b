"""Findings are an Arrow table: count them, filter them, hand them on."""

import lvtools
from lvtools.demo import make_demo_data
from lvtools.findings.render import render_text, summary

data = make_demo_data("demo")

for manifest in (data.truth, data.broken):
    findings = lvtools.validate_manifest(str(manifest))
    print(f"{manifest}: {summary(findings)}")

errors = findings.filter([severity == "error" for severity in findings["severity"].to_pylist()])
print(f"\nThe {errors.num_rows} errors of {data.broken}:\n")
print(render_text(errors))
