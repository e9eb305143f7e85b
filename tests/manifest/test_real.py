"""Every real manifest that we have: read without a hitch, written back unchanged, judged as a person would."""

# ruff: noqa: E501 - one verdict, one line
import orjson
import pytest

from lvtools.findings import count_by_severity
from lvtools.manifest import read_manifest, validate_manifest, write_manifest
from tests.shared import SHARED, shared

# fmt: off
VERDICTS = {  # lines, codes, why a person would agree
    "cookies/dataset-files/manifests/template.manifest": (63, "LV131 LV104 LV183 LV187", "local paths; colour maps without background or confidence"),
    "cookies/train_class.manifest": (63, "", "sound"),
    "cookies/train_segmentation.manifest": (63, "LV131 LV183 LV187", "colour maps without background or confidence"),
    "gt-segmentation/output.manifest": (1, "", "sound"),
    "manifests/1COOLGuy1234-Jufeng-IDS721-proj3/output.manifest": (10, "", "sound"),
    "manifests/aws-amazon-sagemaker-examples/birds-output.manifest": (302, "", "sound"),
    "manifests/aws-amazon-sagemaker-examples/birds-true_labels.json": (1, "LV026", "a JSON array, no manifest"),
    "manifests/aws-amazon-sagemaker-examples/featurestore-output.manifest": (2, "LV115 LV105 LV107", "bucket with capitals or underscore; inline text; another task type"),
    "manifests/aws-amazon-sagemaker-examples/yolov5-sample_output.manifest": (100, "", "sound"),
    "manifests/aws-samples-amazon-sagemaker-groundtruth-immersionday/OD-adjustment-manifest.json": (1, "LV108 LV115", "placeholder for a bucket; another task type"),
    "manifests/aws-samples-amazon-sagemaker-groundtruth-immersionday/OT-adjustment-manifest.json": (1, "LV108 LV115", "placeholder for a bucket; another task type"),
    "manifests/aws-samples-amazon-sagemaker-groundtruth-immersionday/OT-manifest-10-frame.json": (1, "LV108 LV110", "placeholder for a bucket; unlabeled input"),
    "manifests/aws-samples-amazon-sagemaker-groundtruth-immersionday/SS-audit-manifest-5-17.json": (1, "LV108 LV115", "placeholder for a bucket; another task type"),
    "manifests/aws-samples-amazon-sagemaker-groundtruth-immersionday/SS-audit-manifest.json": (1, "LV108 LV115", "placeholder for a bucket; another task type"),
    "manifests/aws-samples-amazon-sagemaker-groundtruth-immersionday/SS-manifest.json": (1, "LV108 LV115", "placeholder for a bucket; another task type"),
    "manifests/aws-samples-amazon-sagemaker-groundtruth-immersionday/SingleFrame-manifest.json": (1, "LV108 LV110", "placeholder for a bucket; unlabeled input"),
    "manifests/aws-samples-amazon-sagemaker-groundtruth-immersionday/gt_input_manifest_qna.json": (5, "LV105", "inline text"),
    "manifests/aws-samples-amazon-textract-transformer-pipeline/augmentation-1.manifest": (50, "LV157 LV158 LV107 LV139", "bucket with capitals or underscore; images without boxes; adjusted in place: what was adjusted is not in the line"),
    "manifests/aws-samples-amazon-textract-transformer-pipeline/augmentation-2.manifest": (50, "LV157 LV158 LV107 LV139", "bucket with capitals or underscore; images without boxes; adjusted in place: what was adjusted is not in the line"),
    "manifests/aws-samples-aws-legal-entity-extraction/output.manifest": (296, "LV112 LV115", "annotator metadata without attribute; another task type"),
    "manifests/awslabs-DefectDetectionApplication/alien-train_class.manifest": (118, "LV106", "prefix s3:// put on twice"),
    "manifests/awslabs-DefectDetectionApplication/alien-train_segmentation.manifest": (118, "LV106 LV183 LV187", "prefix s3:// put on twice; colour maps without background or confidence"),
    "manifests/awslabs-DefectDetectionApplication/cookie-empty-manifest.jsonl": (0, "LV001", "0 bytes"),
    "manifests/awslabs-DefectDetectionApplication/cookie-renamed-train_class.manifest": (63, "", "sound"),
    "manifests/awslabs-DefectDetectionApplication/cookie-renamed-train_segmentation.manifest": (63, "LV183 LV187", "colour maps without background or confidence"),
    "manifests/awslabs-DefectDetectionApplication/cookie-train.manifest": (63, "LV131 LV183 LV187", "colour maps without background or confidence"),
    "manifests/awslabs-DefectDetectionApplication/cookie-train_class.manifest": (63, "LV106", "prefix s3:// put on twice"),
    "manifests/awslabs-DefectDetectionApplication/cookie-train_segmentation.manifest": (32, "LV106 LV183 LV187 LV203 LV210", "prefix s3:// put on twice; colour maps without background or confidence; 32 anomalies, no normal image"),
    "manifests/awslabs-DefectDetectionApplication/portal-output.manifest": (118, "LV110", "unlabeled input"),
    "manifests/docs-examples/lookout-ex-csv-manifest-1.json": (1, "LV203 LV210", "a single sample line, sound but too little to train on"),
    "manifests/docs-examples/lookout-manifest-file-classification-1.json": (1, "LV203 LV210", "a single sample line, sound but too little to train on"),
    "manifests/docs-examples/lookout-manifest-file-classification-2.json": (1, "LV005 LV103 LV203 LV210", "printed over several lines; placeholder or blank in the URI"),
    "manifests/docs-examples/lookout-manifest-file-classification-3.json": (1, "LV005 LV103 LV203 LV210", "printed over several lines; placeholder or blank in the URI"),
    "manifests/docs-examples/lookout-manifest-file-segmentation-1.json": (1, "LV103 LV192 LV203 LV210 LV217", "placeholder or blank in the URI; placeholder for the mask"),
    "manifests/docs-examples/lookout-manifest-file-segmentation-2.json": (1, "LV005 LV103 LV192 LV203 LV210 LV217", "printed over several lines; placeholder or blank in the URI; placeholder for the mask"),
    "manifests/docs-examples/lookout-performance-metrics-1.notjson.txt": (1, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/lookout-troubleshoot-model-training-1.json": (1, "LV005 LV103 LV192 LV203 LV210 LV217", "printed over several lines; placeholder or blank in the URI; placeholder for the mask"),
    "manifests/docs-examples/rekognition-im-evaluation-manifest-snapshot-api-1.notjson.txt": (6, "LV005 LV020 LV006", "not JSON: comments, ellipses or marks of the page; printed over several lines"),
    "manifests/docs-examples/rekognition-md-add-images-1.json": (1, "", "sound"),
    "manifests/docs-examples/rekognition-md-assign-image-level-labels-1.json": (1, "", "sound"),
    "manifests/docs-examples/rekognition-md-create-manifest-file-classification-1.json": (1, "", "sound"),
    "manifests/docs-examples/rekognition-md-create-manifest-file-classification-2.json": (1, "LV005", "printed over several lines"),
    "manifests/docs-examples/rekognition-md-create-manifest-file-classification-3.notjson.txt": (1, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/rekognition-md-create-manifest-file-object-detection-1.json": (1, "", "sound"),
    "manifests/docs-examples/rekognition-md-create-manifest-file-object-detection-2.json": (1, "LV005", "printed over several lines"),
    "manifests/docs-examples/rekognition-md-localize-objects-1.json": (1, "", "sound"),
    "manifests/docs-examples/rekognition-md-transform-coco-1.json": (1, "LV005 LV161", "printed over several lines; image_size as the COCO page has it"),
    "manifests/docs-examples/rekognition-tm-debugging-aggregate-errors-2.json": (1, "LV005", "printed over several lines"),
    "manifests/docs-examples/rekognition-tm-debugging-aggregate-errors-3.json": (1, "LV005", "printed over several lines"),
    "manifests/docs-examples/rekognition-tm-debugging-json-line-errors-1.json": (1, "LV005", "printed over several lines"),
    "manifests/docs-examples/rekognition-tm-debugging-json-line-errors-2.json": (1, "LV005", "printed over several lines"),
    "manifests/docs-examples/rekognition-tm-debugging-json-line-errors-3.json": (1, "LV005", "printed over several lines"),
    "manifests/docs-examples/rekognition-tm-debugging-json-line-errors-4.notjson.txt": (1, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/rekognition-tm-debugging-json-line-errors-5.notjson.txt": (1, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/rekognition-tm-debugging-json-line-errors-6.json": (1, "LV005 LV110", "printed over several lines; unlabeled input"),
    "manifests/docs-examples/rekognition-tm-debugging-json-line-errors-7.json": (1, "LV005 LV157 LV158", "printed over several lines; images without boxes"),
    "manifests/docs-examples/rekognition-tm-debugging-json-line-errors-8.json": (1, "LV005 LV157 LV158", "printed over several lines; images without boxes"),
    "manifests/docs-examples/rekognition-tm-debugging-json-line-errors-9.json": (1, "LV005 LV115 LV116", "printed over several lines; another task type"),
    "manifests/docs-examples/rekognition-tm-debugging-scope-json-line-3.json": (1, "LV005 LV154", "printed over several lines; the fault the page shows"),
    "manifests/docs-examples/sagemaker-image-classification-1.jsonl": (2, "LV111 LV118 LV125 LV127 LV129", "label without metadata; minimal metadata"),
    "manifests/docs-examples/sagemaker-object-detection-1.jsonl": (2, "LV118 LV151 LV107 LV127 LV129", "bucket with capitals or underscore; boxes without confidences"),
    "manifests/docs-examples/sagemaker-semantic-segmentation-1.notjson.txt": (1, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/sagemaker-sms-data-output-1.json": (1, "LV005 LV107", "printed over several lines; bucket with capitals or underscore"),
    "manifests/docs-examples/sagemaker-sms-data-output-10.notjson.txt": (1, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/sagemaker-sms-data-output-11.notjson.txt": (1, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/sagemaker-sms-data-output-12.json": (1, "LV005 LV115 LV107", "printed over several lines; bucket with capitals or underscore; another task type"),
    "manifests/docs-examples/sagemaker-sms-data-output-13.json": (1, "LV005 LV115 LV107", "printed over several lines; bucket with capitals or underscore; another task type"),
    "manifests/docs-examples/sagemaker-sms-data-output-14.notjson.txt": (1, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/sagemaker-sms-data-output-15.notjson.txt": (1, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/sagemaker-sms-data-output-16.notjson.txt": (1, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/sagemaker-sms-data-output-17.json": (1, "LV005 LV115", "printed over several lines; another task type"),
    "manifests/docs-examples/sagemaker-sms-data-output-2.json": (1, "LV005 LV107", "printed over several lines; bucket with capitals or underscore"),
    "manifests/docs-examples/sagemaker-sms-data-output-3.json": (1, "LV005 LV115 LV105", "printed over several lines; inline text; another task type"),
    "manifests/docs-examples/sagemaker-sms-data-output-4.json": (1, "LV005 LV107", "printed over several lines; bucket with capitals or underscore"),
    "manifests/docs-examples/sagemaker-sms-data-output-5.json": (1, "LV005 LV115 LV104", "printed over several lines; local paths; another task type"),
    "manifests/docs-examples/sagemaker-sms-data-output-6.json": (1, "LV005 LV107", "printed over several lines; bucket with capitals or underscore"),
    "manifests/docs-examples/sagemaker-sms-data-output-7.json": (1, "LV005 LV103", "printed over several lines; placeholder or blank in the URI"),
    "manifests/docs-examples/sagemaker-sms-data-output-8.json": (1, "LV005 LV115 LV105", "printed over several lines; inline text; another task type"),
    "manifests/docs-examples/sagemaker-sms-data-output-9.json": (1, "LV005 LV107", "printed over several lines; bucket with capitals or underscore"),
    "manifests/docs-examples/sagemaker-sms-input-data-input-manifest-1.notjson.txt": (4, "LV020 LV103 LV110", "not JSON: comments, ellipses or marks of the page; placeholder or blank in the URI; unlabeled input"),
    "manifests/docs-examples/sagemaker-sms-input-data-input-manifest-2.notjson.txt": (4, "LV020 LV105", "not JSON: comments, ellipses or marks of the page; inline text"),
    "manifests/docs-examples/sagemaker-sms-reusing-data-1.notjson.txt": (27, "LV020", "not JSON: comments, ellipses or marks of the page"),
    "manifests/docs-examples/sagemaker-sms-verification-data-1.json": (1, "LV005 LV103 LV139", "printed over several lines; placeholder or blank in the URI; what was verified is not in the line"),
    "manifests/linuxus-ground-truth/output.manifest": (69, "", "sound"),
    "manifests/linuxus-ground-truth/train.before.manifest": (55, "", "sound"),
    "manifests/linuxus-ground-truth/train.manifest": (55, "LV108", "placeholder for a bucket"),
    "manifests/linuxus-ground-truth/validation.before.manifest": (14, "", "sound"),
    "manifests/linuxus-ground-truth/validation.manifest": (14, "LV108", "placeholder for a bucket"),
}
# fmt: on
ERRORS = {"LV001", "LV005", "LV020", "LV026", "LV103", "LV106", "LV108", "LV116", "LV151", "LV154"}


def manifests():
    data = SHARED / "data"
    found = [*data.glob("manifests/*/*"), *data.glob("cookies/**/*.manifest"), *data.glob("gt-segmentation/*.manifest")]
    return {str(path.relative_to(data)) for path in found if not path.name.startswith("LICENSE")}


def test_every_real_manifest_has_a_verdict():
    shared("data", "manifests")
    assert manifests() == set(VERDICTS)


@pytest.mark.parametrize("name", VERDICTS)
def test_real_manifests_are_read_whole_and_judged_right(name, tmp_path):
    path = shared("data", *name.split("/"))
    lines, codes, reason = VERDICTS[name]
    dataset = read_manifest(path)
    found = set(dataset.findings["code"].to_pylist())
    assert found == set(codes.split()), reason
    expected = ERRORS | ({"LV115", "LV116"} if dataset.profile == "rekognition" else set())
    assert bool(count_by_severity(dataset.findings)["error"]) == bool(found & expected), reason
    assert len(dataset) == lines
    write_manifest(dataset, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    streamed = validate_manifest(path)
    assert streamed.to_pylist() == dataset.findings.to_pylist()
    assert orjson.loads(streamed.schema.metadata[b"statistics"])["bytes"] == path.stat().st_size


def test_the_getting_started_set_is_usable_with_warnings_only():
    dataset = read_manifest(shared("data", "cookies", "train_segmentation.manifest"))
    assert count_by_severity(dataset.findings)["error"] == 0
    assert count_by_severity(dataset.findings)["warning"] > 0
    names = dataset.entries["class_name"].to_pylist()
    assert (names.count("anomaly"), names.count("normal")) == (32, 31)
    assert dataset.profile == "lookoutvision"
    assert sum(ref is not None for ref in dataset.entries["mask_ref"].to_pylist()) >= 32
    assert dataset.color_map.get("cracked") == 0x23A436


def test_the_class_is_the_name_never_the_number():
    # awslabs' SDK writes 1 for normal and 0 for anomaly under 'auto-label': the reverse of the guide's.
    line = (
        b'{"source-ref":"s3://bucket/%d.jpg","auto-label":%d,"auto-label-metadata":{"confidence":1,'
        b'"job-name":"labeling-job/auto-label","class-name":"%s","human-annotated":"yes",'
        b'"creation-date":"2021-01-01T00:00:00.0","type":"groundtruth/image-classification"}}\n'
    )
    dataset = read_manifest(line % (1, 1, b"normal") + line % (2, 0, b"anomaly") + line % (3, 11, b"anomaly"))
    assert dataset.entries["class_name"].to_pylist() == ["normal", "anomaly", "anomaly"]
    assert dataset.entries["label"].to_pylist() == ["1", "0", "11"]
