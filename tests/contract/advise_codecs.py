"""Codecs and what holds a connection's window are part of the plans: tried on samples, chosen under an accuracy floor."""

import json

import harness

try:
    import fastjsonschema
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

EXACT = {"raw", "u8", "lossless", "u8 lossless"}


def advise(data, *arguments):
    model = data / "models" / "onnx" / "cifar10_medium_iclarge_fp32.onnx"
    done = harness.breakeven("advise", model, "--platform", "cpu:1", "--runs", "10", "--slowdown", "20", "--json",
                             "--active-power", "2W", "--idle-power", "500mW", *arguments)
    return json.loads(done.stdout)


def main():
    data = harness.shared_data()
    validate = fastjsonschema.compile(json.loads((harness.ROOT / "docs" / "schema" / "advise.json").read_text()))
    samples = ("--data", data / "images" / "cifar10-jpeg-2000")

    advice = validate(advise(data, *samples, "--link", "wifi", "--no-emulation", "--max-drop", "1.5"))
    elements = {}
    for trial in advice["codecs"]:
        assert 0 < trial["bytes_p50"] <= trial["bytes_p90"], trial
        elements.setdefault(tuple(trial["cut"]), {})[trial["codec"]] = trial
    assert () in elements and len(elements) > 1, "the input and a cut were tried"
    for cut, trials in elements.items():
        if cut:
            sizes = [trials[codec]["bytes_p50"] for codec in ("lossless", "q8", "q4", "q2")]
            assert sizes == sorted(sizes, reverse=True), (cut, sizes)
    coded = [plan for plan in advice["plans"] if plan["codec"] and plan["codec"] not in EXACT]
    assert coded, "a slow device behind a slow uplink gains by fewer bits"
    for plan in coded:
        assert plan["accuracy"]["drop"] <= 0.015 and plan["accuracy"]["n"] == 500, plan
        trial = elements[tuple(plan["cut"])][plan["codec"]]
        assert plan["cost"]["bytes_up"]["value"] == trial["bytes_p50"], plan
        assert [stage["what"] for stage in plan["stages"]].count("encode") == 1, plan

    # Nothing that loses anything is chosen where nothing may be lost.
    strict = advise(data, *samples, "--link", "wifi", "--no-emulation", "--max-drop", "-100")
    assert all(plan["codec"] in {None, *EXACT} for plan in strict["plans"]), strict["plans"]

    # Through the emulated link, once: measured with the codec, and after rests in every transport there is.
    emulated = validate(advise(data, *samples, "--link", "wifi", "--codec", "q8", "--codec", "jpeg:90", "--idle", "300ms"))
    if any(link["how"] != "emulated" for link in emulated["links"]):
        harness.skip("links cannot be emulated here")
    coded = [plan for plan in emulated["plans"] if plan["codec"] in ("q8", "jpeg:90")]
    assert coded and all(plan["predicted_latency_s"] for plan in coded), emulated["plans"]
    held = {plan["transport"]: plan for plan in emulated["plans"] if plan["kind"] == "offload" and plan["codec"] == "u8"}
    assert {"plain", "warm"} <= set(held), held
    assert all(plan["transport"] is None for plan in emulated["plans"] if plan["kind"] == "local")


if __name__ == "__main__":
    main()
