"""mAP50 of a detector is what an engine we did not write and the VOC development kit's way of counting give."""

import collections
import json
import pathlib
import tempfile

import harness

try:
    import fastjsonschema
    import numpy
    import onnxruntime
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

PICTURES = 4
NETWORK = "ssd-mobilenet-v1-300"


def detections(model, folder, random):
    """What the network finds on noise: (picture, score, class, box) each. The noise becomes the folder's samples."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    found = []
    for picture in range(PICTURES):
        sample = (random.normal(size=(1, 3, 300, 300)) * random.uniform(0.2, 2)).astype(numpy.float32)
        numpy.save(folder / f"{picture}.npy", sample)
        outputs = session.run(["boxes", "scores", "classes"], {session.get_inputs()[0].name: sample})
        found += [(picture, float(score), int(label), box.astype(float))
                  for box, score, label in zip(*(output[0] for output in outputs)) if score > 0]
    return found


def objects_near(found, random):
    """Some of the boxes found, each side moved a little, and some that nothing was found at: (picture, class, box)."""
    objects = []
    for picture, _, label, box in found:
        if random.uniform() < 0.6:
            moved = numpy.clip(box + random.normal(size=4) * 0.06 * (box[2] - box[0]), 0, 1)
            if moved[2] > moved[0] and moved[3] > moved[1]:
                objects.append((picture, label, moved))
        if random.uniform() < 0.1:
            (top, bottom), (left, right) = sorted(random.uniform(size=2)), sorted(random.uniform(size=2))
            objects.append((picture, label, numpy.array([top, left, bottom, right])))
    return objects


def overlap(a, b):
    height, width = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if height <= 0 or width <= 0:
        return 0.0
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return height * width / (areas - height * width)


def average_precision(found, objects, label):
    of_picture = collections.defaultdict(list)
    for picture, object_label, box in objects:
        if object_label == label:
            of_picture[picture].append({"box": box, "taken": False})
    ranked = sorted((one for one in found if one[2] == label), key=lambda one: -one[1])
    right = numpy.zeros(len(ranked))
    for place, (picture, _, _, box) in enumerate(ranked):
        best = max(of_picture[picture], key=lambda one: overlap(box, one["box"]), default=None)
        if best and overlap(box, best["box"]) >= 0.5 and not best["taken"]:
            right[place], best["taken"] = 1, True
    found_so_far = numpy.cumsum(right)
    recall = numpy.concatenate(([0], found_so_far / sum(map(len, of_picture.values())), [1]))
    precision = numpy.concatenate(([0], found_so_far / numpy.arange(1, len(ranked) + 1), [0]))
    envelope = numpy.maximum.accumulate(precision[::-1])[::-1]
    return float(numpy.sum(numpy.diff(recall) * envelope[1:]))


def main():
    random = numpy.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "data"
        folder.mkdir()
        model, other = pathlib.Path(name) / "one.onnx", pathlib.Path(name) / "other.onnx"
        harness.breakeven("zoo", "build", NETWORK, "-o", model)
        harness.breakeven("zoo", "build", NETWORK, "--seed", "2", "-o", other)
        found = detections(model, folder, random)
        objects = objects_near(found, random)
        rows = [f"{picture}.npy,{label}," + ",".join(repr(float(side)) for side in box)
                for picture, label, box in objects]
        (folder / "boxes.csv").write_text("\n".join(["file,label,top,left,bottom,right", *rows]))
        answer = json.loads(harness.breakeven("evaluate", model, "--data", folder, "--against", other,
                                              "--platform", "cpu:1", "--json").stdout)
    fastjsonschema.compile(json.loads((harness.ROOT / "docs/schema/evaluate.json").read_text()))(answer)
    wanted = {label: average_precision(found, objects, label) for label in sorted({label for _, label, _ in objects})}
    # Two engines may turn a close call about a score; one detection weighs little in the mean, and much in its class.
    assert abs(answer["map50"] - sum(wanted.values()) / len(wanted)) < 0.005, (answer["map50"], wanted)
    assert [of_class["label"] for of_class in answer["classes"]] == list(wanted)
    assert 0.2 < answer["map50"] < 0.95, "it shows nothing where all is found or nothing"
    assert answer["against"]["map50"] < answer["map50"], "the other network finds other boxes"
    assert answer["against"]["difference_ci95"][0] > 0, answer["against"]
    assert answer["n"] == PICTURES and answer["objects"] == len(objects) and answer["untrained"]


if __name__ == "__main__":
    main()
