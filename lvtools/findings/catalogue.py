"""Every rule lvtools knows, as data. `lvtools rules`, the docs and all renderings are made from this file.

Codes are public: append, never renumber. LV0xx the file and its lines, LV02x JSON, LV10x references, LV11x labels,
LV134 to LV139 Ground Truth's attributes, LV14x signs in references, names and keys, LV15x boxes, LV17x multi-label, LV18x
masks named by a manifest, LV2xx rules that need two lines (LV220 and LV221 those of the marketplace algorithm, LV23x a test set beside its training
set), LV3xx mask images
(LV305 on: images and masks beside their manifest; LV320 on: masks by themselves), LV4xx evaluation.
"""

from __future__ import annotations

from typing import NamedTuple

PROFILES = ("lookoutvision", "rekognition", "groundtruth", "marketplace")
SEVERITIES = ("error", "warning", "info")


class Rule(NamedTuple):
    """One thing that can be wrong.

    `severity` holds for every profile that `elsewhere` does not name; 'off' there means the profile has no such rule.
    `rekognition` is the code that Rekognition Custom Labels documents for the same fault.
    """

    code: str
    severity: str
    message: str
    hint: str
    source: str
    rekognition: str | None = None
    elsewhere: tuple[tuple[str, str], ...] = ()

    def severity_in(self, profile: str) -> str:
        """'error', 'warning', 'info' or 'off' under a profile."""
        return dict(self.elsewhere).get(profile, self.severity)


_CL_ERROR = (("rekognition", "error"),)
_NO_MASKS = (("rekognition", "off"),)  # Rekognition has no masks and says so by LV115
_LOOKOUT_ONLY = (("rekognition", "off"), ("groundtruth", "off"), ("marketplace", "off"))
_REKOGNITION_ONLY = (("lookoutvision", "off"), ("groundtruth", "off"), ("marketplace", "off"))
_GROUNDTRUTH_ONLY = (("lookoutvision", "off"), ("rekognition", "off"), ("marketplace", "off"))
_MARKETPLACE_ONLY = (("lookoutvision", "off"), ("rekognition", "off"), ("groundtruth", "off"))
_TYPES = (
    ("rekognition", "off"),
    ("groundtruth", "off"),
)  # normal, anomaly, and anomaly types: Lookout and its successor
_GUIDE = "Lookout for Vision guide, "
_CL = "Rekognition Custom Labels guide, "
_GT = "SageMaker guide, "
_DDA = "DefectDetectionApplication and its training algorithm, "
_SEEN = "seen in users' files"

# fmt: off
# One rule, one or two lines: the table is read and compared as a table.
RULES: tuple[Rule, ...] = (
    # The file and its lines
    Rule("LV001", "error", "the manifest is empty", "write one JSON object per line", _CL + "terminal errors", "ERROR_EMPTY_MANIFEST"),
    Rule("LV002", "error", "the file has {value} bytes, 1 GB is the limit", "split it: lvtools split", _GUIDE + "quotas", "ERROR_MANIFEST_SIZE_TOO_LARGE",
         (("groundtruth", "off"), ("marketplace", "off"))),
    Rule("LV003", "error", "the file has {value} lines, 250,000 is the limit", "split it", _CL + "limits", "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM",
         _REKOGNITION_ONLY),
    Rule("LV004", "warning", "the file starts with a byte-order mark", "save it as UTF-8 without BOM", "not documented; RFC 8259 section 8.1"),
    Rule("LV005", "error", "a JSON value is spread over several lines ({value}); a manifest has one object per line",
         "one line each: jq -c . FILE", _GT + "input manifest", "ERROR_INVALID_JSON_LINE"),
    Rule("LV006", "warning", "blank line", "remove it: Rekognition counts it as an invalid line", _CL + "validation rules", "ERROR_INVALID_JSON_LINE", _CL_ERROR),
    Rule("LV008", "error", "this is no manifest: {value}", "a manifest is text, one JSON object per line", _CL + "terminal errors",
         "ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT"),
    Rule("LV009", "error", "the line has {value} bytes, 100,000 characters is the limit; it was not looked into", "is a line break missing?",
         _GT + "input manifest", None),
    Rule("LV010", "warning", "the line has {value} characters; the API took entries of at most 8192", "shorten the color map or drop unused keys",
         _GUIDE + "API, DatasetEntry", None, _LOOKOUT_ONLY),
    Rule("LV011", "info", "the file's name has no extension; one page of the guide says such a manifest is refused, another that it needs none",
         "call it NAME.manifest", _CL + "terminal errors", "ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT", _REKOGNITION_ONLY),
    # JSON
    Rule("LV020", "error", "not JSON: {value}", "one JSON object (RFC 8259) per line", "RFC 8259", "ERROR_INVALID_JSON_LINE"),
    Rule("LV021", "error", "the line ends in the middle of a value: {value}", "was the file cut off, or a line broken in two?", "RFC 8259", "ERROR_INVALID_JSON_LINE"),
    Rule("LV022", "error", "not UTF-8: {value}", "save the file as UTF-8", _GUIDE + "manifest files; RFC 8259 section 8.1", "ERROR_INVALID_JSON_LINE"),
    Rule("LV023", "error", "half of a surrogate pair: {value}", "write the character itself in UTF-8", "RFC 8259 section 8.2", "ERROR_INVALID_JSON_LINE"),
    Rule("LV024", "warning", "the key {value} stands twice in one object", "keep one; readers disagree on which counts, lvtools takes the last", "RFC 8259 section 4"),
    Rule("LV025", "error", "nested deeper than {value} levels", "no manifest needs more than six", "a limit of lvtools", "ERROR_INVALID_JSON_LINE"),
    Rule("LV026", "error", "the line is {value}, not a JSON object", "write {{\"source-ref\": ...}}", _GT + "input manifest", "ERROR_INVALID_JSON_LINE"),
    Rule("LV027", "error", "control character {value} inside a string", "escape it, for example \\n or \\u0000", "RFC 8259 section 7", "ERROR_INVALID_JSON_LINE"),
    Rule("LV028", "error", "the number {value} is too large for a float", "numbers end near 1.8e308", "IEEE 754", "ERROR_INVALID_JSON_LINE"),
    Rule("LV029", "error", "not JSON but {value}", "lvtools fix --unsafe rewrites it; better, write the file with json.dumps or JSON.stringify",
         "RFC 8259; " + _SEEN, "ERROR_INVALID_JSON_LINE"),
    # References
    Rule("LV101", "error", "'source-ref' is missing", "add the image's s3:// URI", _GT + "input manifest", "ERROR_MISSING_SOURCE_REF"),
    Rule("LV102", "error", "'source-ref' is {value}, not a string", "write \"s3://bucket/key\"", _GT + "input manifest", "ERROR_INVALID_SOURCE_REF_FORMAT"),
    Rule("LV103", "error", "{pointer} {value} is not an S3 URI", "write s3://bucket/key", _GT + "input manifest", "ERROR_INVALID_SOURCE_REF_FORMAT"),
    Rule("LV104", "warning", "{pointer} {value} is relative: good for local use, the service wanted s3://bucket/key",
         "put the bucket in front before uploading", _GUIDE + "getting started (template.manifest)", "ERROR_INVALID_SOURCE_REF_FORMAT", (("rekognition", "error"), ("marketplace", "error"))),
    Rule("LV105", "warning", "'source' holds inline text: no image, kept as it is", "image manifests use source-ref", _GT + "input manifest",
         "ERROR_MISSING_SOURCE_REF", (("rekognition", "error"), ("marketplace", "error"))),
    Rule("LV106", "error", "{pointer} {value} has the prefix s3:// twice", "remove one", "seen in real manifests", "ERROR_INVALID_SOURCE_REF_FORMAT"),
    Rule("LV107", "warning", "the bucket of {pointer} {value} has capitals or underscores: only buckets from before 2018 can have them",
         "a placeholder of the documentation?", "S3 bucket naming rules"),
    Rule("LV108", "error", "the bucket of {pointer} {value} cannot exist", "3 to 63 letters, digits, dots and hyphens; a placeholder left in?",
         "S3 bucket naming rules", "ERROR_INVALID_SOURCE_REF_FORMAT"),
    # Labels
    Rule("LV110", "info", "no label: the image counts as unlabeled", "nothing to do if that is meant", _GUIDE + "manifest files", "WARNING_UNANNOTATED_RECORD",
         (("rekognition", "warning"), ("marketplace", "error"))),
    Rule("LV111", "warning", "no attribute has its '-metadata' twin, so nothing says what {value} means", "add \"NAME-metadata\" with class-name and type",
         _CL + "line errors", "ERROR_NO_LABEL_ATTRIBUTES", (("rekognition", "error"), ("lookoutvision", "error"), ("marketplace", "info"))),
    Rule("LV112", "warning", "{value} has no attribute it could describe", "add the attribute, or remove the metadata", _GT + "output data", None, (("groundtruth", "info"), ("marketplace", "info"))),
    Rule("LV113", "error", "{pointer} is {value}, not an object", "metadata is an object with class-name, type, ...", _GT + "output data",
         "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", (("marketplace", "warning"),)),
    Rule("LV114", "warning", "'type' is missing in {pointer}", "for example groundtruth/image-classification", _GUIDE + "manifest files",
         "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", (("rekognition", "error"), ("lookoutvision", "error"))),
    Rule("LV115", "info", "{value} is not a task type that is looked into here; the line is kept as it is", "known: classification, multi-label, boxes, segmentation and verification of images",
         _GT + "output data", "ERROR_UNSUPPORTED_USE_CASE_TYPE", (("rekognition", "error"), ("lookoutvision", "warning"))),
    Rule("LV116", "error", "no label attribute of this line can be used", "see the other findings of the line", _CL + "line errors",
         "ERROR_NO_VALID_LABEL_ATTRIBUTES", _REKOGNITION_ONLY),
    Rule("LV117", "error", "{pointer} is {value}, not a string", "write \"groundtruth/image-classification\" or another task type", _GT + "output data",
         "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", (("marketplace", "warning"),)),
    Rule("LV118", "info", "{pointer} has no 'job-name' that names a job", "every labeling job writes one: \"labeling-job/NAME\"", _GT + "output data", None, _GROUNDTRUTH_ONLY),
    Rule("LV119", "warning", "{value} do not belong together: an attribute and its metadata must have the same name",
         "rename one, so that NAME stands beside NAME-metadata", _CL + "line errors; " + _SEEN, "ERROR_NO_LABEL_ATTRIBUTES",
         (("rekognition", "error"), ("lookoutvision", "error"))),
    Rule("LV120", "error", "'class-name' is missing in {pointer}", "it decides the class; the number does not", _GUIDE + "manifest files",
         "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", (("marketplace", "warning"),)),
    Rule("LV121", "warning", "class-name {value} is neither normal nor anomaly: the image counts as unlabeled", "write normal or anomaly",
         _GUIDE + "classification manifest", None, _TYPES),
    Rule("LV122", "warning", "class-name {value} is read as {expected}", "write it in lower case, without blanks", "seen in console imports",
         None, _TYPES),
    Rule("LV123", "error", "class-name {value} is longer than 256 characters", "shorten it", _CL + "line errors", "ERROR_INVALID_LABEL_NAME_LENGTH"),
    Rule("LV124", "warning", "class name {value} begins or ends with a blank", "the blank makes it another class than the one without", "seen in real manifests"),
    Rule("LV125", "warning", "'confidence' is missing in {pointer}", "a human label carries 1", _GT + "output data",
         "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", (("rekognition", "error"), ("lookoutvision", "off"), ("marketplace", "off"))),
    Rule("LV126", "error", "{pointer} {value} is not a number in 0..1", "a human label carries 1", _GT + "output data",
         "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", (("lookoutvision", "warning"), ("marketplace", "warning"))),
    Rule("LV127", "warning", "'human-annotated' is missing in {pointer}", "write \"yes\" or \"no\"", _GUIDE + "manifest files",
         "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", _CL_ERROR),
    Rule("LV128", "warning", "{pointer} is {value}, not \"yes\" or \"no\"", "write \"yes\" or \"no\", with quotes", _GUIDE + "manifest files",
         "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", _CL_ERROR),
    Rule("LV129", "warning", "'creation-date' is missing in {pointer}", "for example 2024-05-01T08:00:00", _GT + "output data",
         "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", (("rekognition", "error"), ("lookoutvision", "off"), ("marketplace", "off"))),
    Rule("LV130", "warning", "{pointer} {value} is no date that lvtools understands", "for example 2024-05-01T08:00:00", _GT + "output data"),
    Rule("LV131", "info", "{pointer} {value} is a JavaScript date; it was understood", "ISO 8601 is safer: 2024-05-01T08:00:00", "AWS's own sample data"),
    Rule("LV132", "info", "{pointer} is the string {value}; the guide's samples have a number", "nothing to do: class-name decides",
         _GUIDE + "classification manifest", None, (("rekognition", "off"), ("groundtruth", "off"), ("marketplace", "warning"))),
    Rule("LV133", "warning", "{pointer} is {value}; a label is a number", "class-name decides, but readers expect an integer", _CL + "image-level labels",
         "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", (("rekognition", "error"), ("marketplace", "error"))),
    # Attributes of Ground Truth
    Rule("LV134", "error", "the attribute name {value} is reserved: no name may start with '$' or end in '-metadata'", "rename the attribute and its metadata",
         _GT + "label attribute name", None, _GROUNDTRUTH_ONLY),
    Rule("LV135", "error", "the attribute {value} ends in '-ref', which only segmentation may", "rename it: what ends in -ref is fetched as an S3 object",
         _GT + "label attribute name; augmented manifests", None, (("lookoutvision", "off"), ("rekognition", "off"))),
    Rule("LV136", "warning", "{value}; a job takes values of at most 20,000", "a labeling job would refuse the line as input", _GT + "input manifest", None,
         _GROUNDTRUTH_ONLY),
    Rule("LV137", "warning", "{pointer} is {value}, not an array of comments", "write [{{\"comment\": \"...\"}}], or leave it out", _GT + "verification output", None,
         _GROUNDTRUTH_ONLY),
    Rule("LV138", "warning", "{pointer} is {value}, not \"adjusted\" or \"unadjusted\"", "write one of the two", _GT + "adjustment output", None, _GROUNDTRUTH_ONLY),
    Rule("LV139", "info", "{value}, but no other label attribute is in the line", "such a job must use another attribute name, or it overwrites what it looked at",
         _GT + "verification and adjustment", None, _GROUNDTRUTH_ONLY),
    # Signs in references, names and keys
    Rule("LV140", "warning", "{value}", "remove it: the eye does not see it, but S3 and every comparison do", _SEEN),
    Rule("LV141", "warning", "{pointer} {value} has U+F03A, a private sign that Windows file systems put for ':'", "write ':' again, and rename the object if its key has it",
         _SEEN),
    Rule("LV142", "warning", "{pointer} {value} looks percent-encoded; the service takes the key as it stands", "write the object's own key: %20 is a blank, %2F a slash",
         "S3 keys; " + _SEEN),
    Rule("LV143", "warning", "{pointer} {value} has an empty segment ('//'): to S3 this is another object than with one slash", "remove the second slash, unless the object is called so",
         "S3 keys; " + _SEEN),
    Rule("LV144", "warning", "{pointer} {value} begins or ends with a blank", "remove the blank: it is taken as part of the name", _SEEN),
    # Boxes
    Rule("LV150", "error", "{pointer}: {value}", "see the object-detection form: image_size and annotations", _CL + "object localisation",
         "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"),
    Rule("LV151", "error", "{pointer} has {value}: every box needs a confidence", "add {{\"confidence\": 1}} per box, in the same order", _CL + "line errors",
         "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE"),
    Rule("LV152", "error", "class id {value} of {pointer} is not in the class-map", "add it to class-map", _CL + "line errors", "ERROR_MISSING_CLASS_MAP_ID"),
    Rule("LV153", "error", "the box {pointer} reaches out of the image: {value}", "left and top from 0, right and bottom within image_size", _CL + "line errors",
         "ERROR_INVALID_BOUNDING_BOX"),
    Rule("LV154", "error", "the box {pointer} is too small: {value}", "both sides must exceed one pixel, also after shrinking to 1280", _CL + "line errors",
         "ERROR_BOUNDING_BOX_TOO_SMALL", _REKOGNITION_ONLY),
    Rule("LV155", "error", "{pointer} has {value} boxes, 50 is the limit", "keep the 50 that matter", _CL + "limits", "ERROR_TOO_MANY_BOUNDING_BOXES",
         _REKOGNITION_ONLY),
    Rule("LV156", "error", "{pointer} is {value}; sides of 64 to 4096 pixels are allowed", "resize the image and its boxes", _CL + "line errors",
         "ERROR_INVALID_IMAGE_DIMENSION", _REKOGNITION_ONLY),
    Rule("LV157", "warning", "annotated by a human, but without any box", "valid, but unused in training", _CL + "line errors", "WARNING_NO_ANNOTATIONS",
         (("groundtruth", "info"), ("lookoutvision", "info"), ("marketplace", "info"))),
    Rule("LV158", "warning", "{pointer} has no boxes", "valid, but unused in training", _CL + "line errors", "WARNING_NO_ATTRIBUTE_ANNOTATIONS",
         (("groundtruth", "info"), ("lookoutvision", "info"), ("marketplace", "info"))),
    Rule("LV159", "error", "no box of {pointer} is valid", "see the other findings of the line", _CL + "line errors", "ERROR_NO_VALID_ANNOTATIONS"),
    Rule("LV160", "error", "'class-map' is missing in {pointer}", "write {{\"0\": \"name\"}}", _CL + "object localisation",
         "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT"),
    Rule("LV161", "warning", "{pointer} is an object; the format has an array with one object", "put it in [ ]", _CL + "COCO page",
         "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"),
    Rule("LV162", "warning", "{pointer} has the name {value} that another class id has, too", "a label name is unique in a job: give the boxes or labels one id", _GT + "quotas", None, _GROUNDTRUTH_ONLY),
    Rule("LV163", "error", "{pointer} is {value}; a labeling job takes images of at most 100 million pixels", "crop or shrink the image, and its boxes", _GT + "quotas", None,
         _GROUNDTRUTH_ONLY),
    Rule("LV164", "warning", "{pointer} has no number 'depth'", "write \"depth\": 3 for a colour image: required, though unused", _CL + "object localisation",
         "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", _REKOGNITION_ONLY),
    Rule("LV165", "warning", "{pointer} has {value}", "one confidence per box, in the same order: was a box taken out?", _CL + "object localisation; " + _GT + "output data"),
    # Multi-label
    Rule("LV170", "error", "{pointer} is {value}, not an array of class numbers", "for example [0, 3]", _GT + "output data", "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT"),
    Rule("LV171", "error", "{value} labels on one image, 50 is the limit", "keep the 50 that matter", _CL + "limits", None, _REKOGNITION_ONLY),
    Rule("LV172", "warning", "class id {value} has no entry in 'confidence-map' of {pointer}", "add it", _GT + "output data"),
    Rule("LV173", "warning", "{pointer} has no 'confidence-map'", "a number in 0..1 per class id: {{\"0\": 1}}", _GT + "output data", None,
         (("lookoutvision", "off"), ("rekognition", "off"), ("marketplace", "off"))),
    # Masks, as a manifest names them
    Rule("LV180", "error", "{pointer} is {value}, not a string", "write the mask's s3:// URI", _GUIDE + "segmentation manifest", None, _NO_MASKS),
    Rule("LV181", "error", "the mask attribute {value} does not end in '-ref'", "rename it, for example anomaly-mask-ref", _GUIDE + "segmentation manifest", None,
         _NO_MASKS),
    Rule("LV182", "error", "'internal-color-map' of {pointer} is {value}", "an object: {{\"1\": {{\"class-name\": ..., \"hex-color\": ...}}}}",
         _GUIDE + "segmentation manifest", None, _NO_MASKS),
    Rule("LV183", "warning", "the color map {pointer} has no BACKGROUND entry at \"0\"", "the guide wants one; AWS's own data has none", _GUIDE + "segmentation manifest",
         None, (("rekognition", "off"), ("groundtruth", "info"))),
    Rule("LV184", "warning", "{pointer}: the background is {value}, the guide wants #ffffff", "paint it white", _GUIDE + "segmentation manifest",
         None, _TYPES),
    Rule("LV185", "error", "'class-name' is missing in {pointer}", "name the anomaly type", _GUIDE + "segmentation manifest", None, _NO_MASKS),
    Rule("LV186", "error", "{pointer} is {value}, not a colour", "write #rrggbb", _GUIDE + "segmentation manifest", None,
         (("rekognition", "off"), ("groundtruth", "warning"))),
    Rule("LV187", "warning", "'confidence' is missing in {pointer}", "write 0.0; it is not used", _GUIDE + "segmentation manifest", None,
         (("rekognition", "off"), ("groundtruth", "info"), ("marketplace", "info"))),
    Rule("LV188", "error", "{pointer}: {value}", "one colour per class, one class per colour", _GUIDE + "segmentation manifest", None, _NO_MASKS),
    Rule("LV190", "warning", "the color map {pointer} names {value} classes; at most 20 may be on one mask", "keep the ones that occur", _GUIDE + "quotas", None,
         _LOOKOUT_ONLY),
    Rule("LV191", "info", "the anomaly type {value} has other signs than letters and digits", "the API's AnomalyName allows [a-zA-Z0-9]", _GUIDE + "API, AnomalyName",
         None, _LOOKOUT_ONLY),
    Rule("LV192", "warning", "the mask {value} does not end in .png", "masks are PNG; renaming a JPEG does not help", _GUIDE + "segmentation manifest", None, _NO_MASKS),
    Rule("LV194", "error", "the mask lies in bucket {value}, the image in another", "put both into one bucket", _GUIDE + "segmentation manifest", None,
         _LOOKOUT_ONLY),
    # Rules that need two lines
    Rule("LV201", "warning", "source-ref {value} stands already in line {related}", "one line per image", _CL + "terminal content errors", None, _CL_ERROR),
    Rule("LV202", "error", "the image lies in bucket {value}, the first one in another", "put all images into one bucket", _GUIDE + "manifest files",
         "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS", (("groundtruth", "off"), ("marketplace", "off"))),
    Rule("LV203", "warning", "{value}; training on a single dataset took at least 20 normal and 10 anomalous images", "add images, or use it as one of two datasets",
         _GUIDE + "quotas", None, _LOOKOUT_ONLY),
    Rule("LV204", "info", "{value}", "split it: lvtools split", _GT + "quotas", None, _GROUNDTRUTH_ONLY),
    Rule("LV205", "warning", "{value} in this line, otherwise in line {related}", "one colour per class in the whole file", _GUIDE + "segmentation manifest", None,
         _NO_MASKS),
    Rule("LV206", "warning", "an anomaly without a mask, though other lines have masks", "draw one, or leave masks out everywhere", _GUIDE + "training", None,
         _LOOKOUT_ONLY),
    Rule("LV207", "error", "the file has {value}: training took at least 2 labels, or 1 where boxes are found", "add images of another label",
         _CL + "validation rules", "ERROR_MANIFEST_TOO_FEW_LABELS", _REKOGNITION_ONLY),
    Rule("LV208", "error", "the file has {value} labels, 250 is the limit", "join labels, or make several projects", _CL + "validation rules",
         "ERROR_MANIFEST_TOO_MANY_LABELS", _REKOGNITION_ONLY),
    Rule("LV209", "error", "{value}; training stopped above 20 %", "mend the lines that have errors; the service may also say ERROR_TOO_MANY_RECORDS_IN_ERROR, whose limit is not documented",
         _CL + "validation rules", "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST", _REKOGNITION_ONLY),
    Rule("LV210", "info", "{value}; of two datasets, that for training took at least 10 normal images, that for testing 10 normal and 10 anomalous", "add images",
         _GUIDE + "quotas", None, _LOOKOUT_ONLY),
    Rule("LV211", "error", "{value}", "keep the images that matter: lvtools split", _GUIDE + "quotas", None, _LOOKOUT_ONLY),
    Rule("LV212", "info", "{value}", "nothing to do if this is the training dataset", _GUIDE + "quotas", None, _LOOKOUT_ONLY),
    Rule("LV213", "info", "the numbers are turned round: normal has 1 and anomaly 0 here (as AWS's SDK writes them)", "class-name decides; scripts that read the number must know",
         "AWS's own Python SDK", None, (("rekognition", "off"), ("groundtruth", "off"), ("marketplace", "warning"))),
    Rule("LV214", "warning", "the number {value} here, but the other class in line {related}", "give each class one number in the whole file", _SEEN, None,
         (("rekognition", "off"), ("marketplace", "error"))),
    Rule("LV215", "warning", "the class name {value} differs from that of line {related} only in case or blanks", "write it the same everywhere: to every reader these are two classes",
         _SEEN),
    Rule("LV216", "warning", "exactly 1,000 images of class {value}", "an S3 listing without paging ends at 1,000: are images missing?", "S3 ListObjectsV2; " + _SEEN),
    Rule("LV217", "info", "{value}", "only images with exactly one type count; 20 were needed in a single dataset, 10 in each of two", _GUIDE + "quotas", None, _LOOKOUT_ONLY),
    Rule("LV218", "error", "the file has {value} anomaly types, 100 is the limit of a project", "join types, or make several projects", _GUIDE + "quotas", None, _LOOKOUT_ONLY),
    Rule("LV219", "info", "the file has {value}; a labeling job takes 50", "make several jobs", _GT + "quotas", None, _GROUNDTRUTH_ONLY),
    Rule("LV220", "error", "the line {value}", "every line needs all attributes that are read; give normal images a dummy mask", _DDA + "augmented manifests", None, _MARKETPLACE_ONLY),
    Rule("LV221", "info", "the attribute {value} is not called {expected}", "rename it, or tell the training job its name", _DDA + "manifest transformer", None, _MARKETPLACE_ONLY),
    Rule("LV222", "info", "there are labels of images and boxes ({value}): a training uses one of the two, and leaves the other out", "nothing to do if that is meant",
         _CL + "which model results", None, _REKOGNITION_ONLY),
    # A test set beside its training set
    Rule("LV230", "warning", "source-ref {value} stands in the training set, too, in line {related}", "take it out of one of the two: what was learned by heart tests nothing",
         _CL + "validation rules"),
    Rule("LV231", "error", "{value} are in the test set; at least half of them must be", "add images of the other labels to the test set", _CL + "validation rules",
         "ERROR_INSUFFICIENT_LABEL_OVERLAP", _REKOGNITION_ONLY),
    # Mask images
    Rule("LV301", "error", "the mask cannot be read: {value}", "save it again as PNG", "PNG specification"),
    Rule("LV302", "error", "{value} have a colour of no class", "was the mask saved as JPEG, or resized with interpolation?", _GUIDE + "troubleshooting"),
    Rule("LV303", "warning", "{value} belong to a class or not, depending on how transparency is read", "choose with --alpha; the default counts alpha >= 128",
         "AWS's own sample data"),
    Rule("LV304", "error", "the mask is missing: {value}", "name the folder that holds it", "evaluation"),
    # Images and masks beside their manifest (--images)
    Rule("LV305", "error", "the image is missing: {value}", "is --images the right folder or bucket? See 'lvtools validate --help' for where it is looked for", _CL + "line errors", "ERROR_INVALID_IMAGE"),
    Rule("LV306", "error", "the image cannot be used: {value}", "save it again as JPEG or PNG", _GUIDE + "quotas; Rekognition and SageMaker limits", "ERROR_INVALID_IMAGE"),
    Rule("LV307", "error", "the image has {value} pixels; sides of 64 to 4096 are allowed", "resize it, with its mask and boxes", _GUIDE + "quotas; Rekognition limits",
         "ERROR_INVALID_IMAGE_DIMENSION", (("groundtruth", "off"), ("marketplace", "off"))),
    Rule("LV308", "error", "the image file has {value}", "save it with more compression", _GUIDE + "quotas; Rekognition and SageMaker limits", "ERROR_INVALID_IMAGE",
         (("marketplace", "off"),)),
    Rule("LV309", "error", "the image has {value} pixels; the longer side may be 20 times the shorter", "crop it", _CL + "limits", "ERROR_INVALID_IMAGE", _REKOGNITION_ONLY),
    Rule("LV310", "error", "the image has {value} pixels, {expected}", "Lookout trained on images of the same dimensions only: resize or crop", _GUIDE + "training", None, _LOOKOUT_ONLY),
    Rule("LV311", "warning", "{pointer} says {expected}, the image has {value} pixels", "correct image_size; the boxes may belong to another version of the image", _CL + "object localisation",
         None),
    Rule("LV312", "error", "the mask has {value} pixels, its image {expected}", "draw masks on the image as stored; never resize them with interpolation", _GUIDE + "segmentation manifest", None, _NO_MASKS),
    Rule("LV313", "info", "the mask {value} is a 16 x 16 dummy without any class; it stands for 'no anomaly'", "nothing to do", _DDA + "dummy masks", None, _NO_MASKS),
    Rule("LV314", "error", "the mask has {value}", "it was saved as JPEG or resized with interpolation: draw or export it again, lossless", _GUIDE + "troubleshooting", None, _NO_MASKS),
    Rule("LV315", "info", "the anomaly type {value} is in the color map, but on no mask of the file", "take it out of the color maps; Lookout's training failed on such files",
         _GUIDE + "troubleshooting", None, (("lookoutvision", "warning"), ("rekognition", "off"))),
    Rule("LV316", "warning", "the mask of an anomaly shows only background", "draw the anomaly, or correct the class", _GUIDE + "segmentation manifest", None, _TYPES),
    Rule("LV317", "warning", "the mask of a normal image shows {value}", "correct the class, or the mask", _GUIDE + "segmentation manifest", None, _TYPES),
    Rule("LV318", "error", "the mask shows {value} anomaly types, 20 is the limit", "join types", _GUIDE + "quotas", None, _LOOKOUT_ONLY),
    Rule("LV319", "error", "none of the images is there: {value}", "name another folder or bucket with --images", "lvtools"),
    # Masks by themselves (lint-mask), to LV328
    Rule("LV320", "error", "{value} are mixed from declared colours: the edges were smoothed (antialiased), or the mask was resized with interpolation",
         "lvtools fix-mask gives each pixel the nearest class; draw without smoothing, resize with nearest neighbour", "lvtools", None, _NO_MASKS),
    Rule("LV321", "error", "{value} lie around the declared colours: the mask was once saved as JPEG or another lossy format",
         "export it again without loss, or let lvtools fix-mask give each pixel the nearest class", _GUIDE + "troubleshooting", None, _NO_MASKS),
    Rule("LV322", "info", "all edges lie on multiples of {value} pixels: the mask was probably enlarged", "nothing to do if that is meant; its edges are no finer than that",
         "lvtools", None, _NO_MASKS),
    Rule("LV323", "info", "the background is transparent in {value}", "nothing to do here; readers that drop alpha see another colour there: lvtools fix-mask --rewrite makes it opaque",
         "AWS's own sample data", None, _NO_MASKS),
    Rule("LV324", "info", "the mask shows only background", "nothing to do if the image is normal", "lvtools", None, _NO_MASKS),
    Rule("LV325", "info", "declared, but not on this mask: {value}", "nothing to do: a color map may name classes that other masks show", "lvtools", None, _NO_MASKS),
    Rule("LV326", "info", "the PNG is unusual: {value}", "lvtools fix-mask --rewrite writes it anew", "PNG specification", None, _NO_MASKS),
    Rule("LV327", "error", "the mask holds class numbers, not colours: {value}", "write it with lvtools.write_mask(index, path, colors=...)", _GUIDE + "segmentation manifest", None, _NO_MASKS),
    Rule("LV328", "info", "{value}", "slips of the brush, or left over by smoothing?", "lvtools", None, _NO_MASKS),
    Rule("LV329", "error", "the image has {value} pixels; a labeling job takes at most 100 million", "crop or shrink it, with its mask and boxes", _GT + "quotas", None, _GROUNDTRUTH_ONLY),
    # Evaluation
    Rule("LV401", "error", "no prediction for {value}", "it counts in no figure; predict it, or take it out of the truth", "evaluation"),
    Rule("LV402", "warning", "a prediction for {value}, which the truth does not have", "it counts in no figure", "evaluation"),
    Rule("LV403", "warning", "{value} stands already in line {related}, with the same content", "the first one counts", "evaluation"),
    Rule("LV404", "error", "{value} stands already in line {related}, with other content", "the first one counts; remove the wrong one", "evaluation"),
    Rule("LV405", "error", "no class and no score: {value}", "DetectAnomalyResult, class_name or score is needed", "evaluation"),
    Rule("LV406", "error", "{value}", "predict on the image the truth was drawn on", "evaluation"),
    Rule("LV408", "info", "{value} is unlabeled in the truth", "it counts in no figure", "evaluation"),
    Rule("LV410", "error", "{value}", "see docs/evaluation.md for the forms that are read", "evaluation"),
    Rule("LV411", "error", "nothing names the image of this prediction", "add \"source-ref\", or save one FILE.json per image", "evaluation"),
    Rule("LV412", "warning", "{value}", "the image counts by its label; its pixels are left out", "evaluation"),
    Rule("LV413", "error", "{value}", "one .npy, grey PNG or grey TIFF per image, of the mask's size; the image is left out of AUPRO", "evaluation"),
)
# fmt: on

BY_CODE: dict[str, Rule] = {rule.code: rule for rule in RULES}
