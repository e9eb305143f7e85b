"""One picture with its truth, its prediction and the wrong pixels, side by side in overlay.png."""

import base64
import json

import numpy as np

from lvtools.atomic import write_atomically
from lvtools.demo import make_demo_data
from lvtools.images import decode_image, encode_png
from lvtools.objects import Objects
from lvtools.report import class_colors, paint_errors, paint_mask

data = make_demo_data("demo")
objects = Objects(data.folder)
classes = list(data.color_map)
colors = class_colors(classes, data.color_map)


def class_indexes(png: bytes) -> np.ndarray:
    """Colours to class indexes; lvtools.read_mask does this with findings and speed."""
    packed = decode_image(png).astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    return sum((packed == color).astype(np.uint8) * index for index, color in enumerate(colors))


with data.truth.open() as stream:
    entry = next(entry for entry in map(json.loads, stream) if "anomaly-mask-ref" in entry)
with data.predictions.open() as stream:
    answers = {answer["source-ref"]: answer["DetectAnomalyResult"] for answer in map(json.loads, stream)}

image = decode_image(objects.read(entry["source-ref"]))
truth = class_indexes(objects.read(entry["anomaly-mask-ref"]))
prediction = class_indexes(base64.b64decode(answers[entry["source-ref"]]["AnomalyMask"]))
panels = [image, paint_mask(image, truth, colors), paint_mask(image, prediction, colors)]
panels.append(paint_errors(image, truth, prediction))
write_atomically("overlay.png", encode_png(np.hstack(panels)))
print(f"overlay.png: {entry['source-ref']}, {np.count_nonzero(truth != prediction)} wrong pixels")
