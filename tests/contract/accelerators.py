"""An execution provider that nobody here wrote: OpenVINO's plugin for ONNX Runtime runs a network, agrees with the
reference, and says how many nodes it took; without the plugin, or where it takes no part of the processor (it wants one of
its maker's), its absence has a reason."""

import json
import os

import harness

try:
    import onnxruntime_ep_openvino as plugin
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

MODEL = "cifar10_little_resnet8_fp32.onnx"


def platforms():
    told = json.loads(harness.breakeven("platforms", "--json").stdout)["platforms"]
    return {each["name"]: each for each in told}


def main():
    network = harness.shared_data() / "models" / "onnx" / MODEL
    assert "BREAKEVEN_ONNXRUNTIME_PLUGINS" in platforms()["openvino:0"]["reason"]
    done = harness.breakeven("measure", network, "--platform", "openvino:0", check=False)
    assert done.returncode == 4 and "onnxruntime-ep-openvino" in done.stderr, done
    done = harness.breakeven("inspect", network, "--platform", "openvino:0", check=False)
    assert done.returncode == 4 and "onnxruntime-ep-openvino" in done.stderr, done
    assert len(done.stderr.splitlines()) == 1 and not done.stdout, done

    os.environ["BREAKEVEN_ONNXRUNTIME_PLUGINS"] = plugin.get_library_path()
    status = platforms()["openvino:0"]
    if not status["available"]:
        assert plugin.get_library_path() in status["reason"] and "no device of its own" in status["reason"], status
        done = harness.breakeven("measure", network, "--platform", "cpu:1", "--platform", "openvino:0", "--runs", "5",
                                 "--store", "none", "--json", check=False)
        told = json.loads(done.stdout)
        assert done.returncode == 4 and [each["platform"] for each in told["results"]] == ["cpu:1"], done
        assert "no device of its own" in told["refused"][0]["reason"], told["refused"]
        print("OpenVINO's plugin finds no device of its own here: its absence is told")
        return
    told = json.loads(harness.breakeven("measure", network, "--platform", "cpu:1", "--platform", "openvino:0", "--runs",
                                        "10", "--store", "none", "--json").stdout)
    ours, theirs = told["results"]
    assert ours["placement"] is None
    placement = theirs["placement"]
    assert placement["provider"] == "OpenVINO" and placement["nodes"] >= placement["nodes_there"] > 0, placement
    assert sum(each["count"] for each in placement["left"]) == placement["nodes"] - placement["nodes_there"], placement
    assert theirs["agreement"]["right"] and theirs["agreement"]["difference"] < 1e-3, theirs["agreement"]
    text = harness.breakeven("measure", network, "--platform", "openvino:0", "--runs", "5", "--store", "none").stdout
    assert f"{placement['nodes_there']} of {placement['nodes']} nodes on OpenVINO" in text, text
    seen = json.loads(harness.breakeven("inspect", network, "--platform", "openvino:0", "--json").stdout)
    assert seen["placement"] == placement and seen["platform"] == "openvino:0", seen["placement"]
    wrong = harness.breakeven("measure", network, "--platform", "openvino:9", check=False)
    assert wrong.returncode == 4 and "counted from 0" in wrong.stderr, wrong


if __name__ == "__main__":
    main()
