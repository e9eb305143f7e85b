"""Evaluation out of a bucket: truth, predictions and masks on s3://, against a server here that speaks S3."""

from __future__ import annotations

import json
import logging

import pytest
from click.testing import CliRunner

import lvtools as lv
from lvtools.cli.evaluate import command
from tests.evaluation.test_evaluate import P, T, answer, codes, jsonl, png, truth_line

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
TRUTH = jsonl(
    truth_line("s3://parts/set/img/a.jpg", "anomaly", "s3://parts/set/masks/a.png"),
    truth_line("s3://parts/set/img/b.jpg", "normal"),
    truth_line("s3://parts/set/img/c.jpg", "anomaly", "s3://parts/set/masks/c.png"),
)
ANSWERS = jsonl(
    answer("s3://parts/set/img/a.jpg", True, 0.75, "s3://parts/set/called/a.png"),
    answer("s3://parts/set/img/b.jpg", False),
    answer("s3://parts/set/img/c.jpg", True, 0.75, png(T)),
)
OBJECTS = {
    "set/truth.manifest": TRUTH,
    "set/answers.jsonl": ANSWERS,
    "set/masks/a.png": png(T),
    "set/masks/c.png": png(P),
    "set/called/a.png": png(P),
    "elsewhere/truth.manifest": TRUTH,
}


@pytest.fixture(scope="module")
def bucket():
    """The bucket 'parts', and the environment variables that AWS's own tools read for its endpoint."""
    pytest.importorskip("moto.server", reason="moto[server,s3] stands in for S3: pip install -e .[dev]")
    boto3 = pytest.importorskip("boto3", reason="boto3 fills the bucket: pip install -e .[dev]")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}.items():
                patch.setenv(name, value)
            client = boto3.client("s3", endpoint_url=endpoint)
            client.create_bucket(Bucket="parts")
            for key, data in OBJECTS.items():
                client.put_object(Bucket="parts", Key=key, Body=data)
            yield client
            client.close()
    finally:
        server.stop()


@pytest.fixture
def local(tmp_path):
    """The same in a folder, and what is said of it."""
    for key, data in OBJECTS.items():
        path = tmp_path / "parts" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    folder = tmp_path / "parts" / "set"
    return lv.evaluate(folder / "truth.manifest", folder / "answers.jsonl", objects=tmp_path)


@pytest.mark.parametrize("named", [None, "s3://parts", "s3://parts/set/"])
def test_a_bucket_is_a_folder(bucket, local, named):
    assert local.pixel.images == 2
    found = lv.evaluate("s3://parts/set/truth.manifest", "s3://parts/set/answers.jsonl", objects=named)
    assert (found.image, found.pixel) == (local.image, local.pixel)
    assert found.per_image == local.per_image
    assert codes(found) == codes(local) == []


def test_a_local_truth_may_name_masks_in_a_bucket(bucket, local, tmp_path):
    found = lv.evaluate(tmp_path / "parts/set/truth.manifest", ANSWERS, objects="s3://parts")
    assert found.pixel == local.pixel


def test_masks_outside_the_manifests_prefix_are_followed_only_when_named(bucket, local):
    truth = "s3://parts/elsewhere/truth.manifest"
    alone = lv.evaluate(truth, "s3://parts/set/answers.jsonl")
    assert (alone.pixel, codes(alone)) == (None, ["LV412"])
    assert "name their folder" in str(alone)
    assert lv.evaluate(truth, "s3://parts/set/answers.jsonl", objects="s3://parts").pixel == local.pixel


def test_a_mask_that_is_not_in_the_bucket_is_a_finding(bucket):
    truth = TRUTH.replace(b"masks/a.png", b"masks/lost.png")
    found = lv.evaluate(truth, "s3://parts/set/answers.jsonl", objects="s3://parts")
    assert (found.pixel.images, codes(found)) == (1, ["LV304"])
    other = TRUTH.replace(b"s3://parts/set/masks/a.png", b"s3://other/masks/a.png")
    found = lv.evaluate(other, "s3://parts/set/answers.jsonl", objects="s3://parts")
    assert (found.pixel.images, codes(found)) == (1, ["LV304"])


def test_the_command_reads_from_and_writes_to_buckets(bucket, local):
    arguments = ["s3://parts/set/truth.manifest", "s3://parts/set/answers.jsonl", "--images", "s3://parts"]
    options = ["--save-service", "s3://parts/out/", "--service-model", "boards/2", "--json", "-"]
    result = CliRunner().invoke(command, [*arguments, *options])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["pixel"]["images"] == 2
    keys = [one["Key"] for one in bucket.list_objects_v2(Bucket="parts", Prefix="out/")["Contents"]]
    assert keys == ["out/EvaluationManifest-boards-2.json", "out/EvaluationResult-boards-2.json"]
    written = "s3://parts/out/EvaluationManifest-boards-2.json"
    assert lv.evaluate(written, written).image == local.image
    figures = lv.read_evaluation_result("s3://parts/out/EvaluationResult-boards-2.json").to_pylist()[0]
    assert figures["f1"] == local.image.f1("anomaly")
