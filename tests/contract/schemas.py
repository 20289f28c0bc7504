"""What the commands print with --json is what docs/schema promises, and stdout holds nothing else."""

import json
import pathlib
import tempfile

import harness

try:
    import fastjsonschema
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

SCHEMAS = harness.ROOT / "docs" / "schema"


def document(schema, *arguments):
    validate = fastjsonschema.compile(json.loads((SCHEMAS / f"{schema}.json").read_text()))
    return validate(json.loads(harness.breakeven(*arguments, "--json").stdout))


def check_stages(advice):
    """A plan's stages sum to its latency; `best` is the fastest, its share of what the server must be sent first
    included; a link's break-even is its best offload."""
    for plan in advice["plans"]:
        total = sum(stage["latency_s"]["value"] for stage in plan["stages"])
        latency = plan["cost"]["latency_s"]["value"]
        assert abs(total - latency) <= 1e-9 + 1e-6 * latency, plan
    latencies = [plan["cost"]["latency_s"]["value"] + (plan["deploy"] or {"latency_each_s": 0})["latency_each_s"]
                 for plan in advice["plans"]]
    assert latencies[advice["best"]] == min(latencies)
    assert all(plan["deploy"] for plan in advice["plans"] if plan["kind"] == "split")
    places = [place for row in advice["map"]["winners"] for place in row]
    assert len(places) == len(advice["map"]["rtt_s"]) * len(advice["map"]["up_bytes_per_s"])
    assert set(places) == set(range(len(advice["map"]["plans"])))
    for entry in advice["break_even"]:
        offloads = [plan["cost"]["latency_s"]["value"] for plan in advice["plans"]
                    if plan["kind"] == "offload" and plan["link"] == entry["link"]]
        assert entry["latency_s"]["value"] == min(offloads), entry


def main():
    with tempfile.TemporaryDirectory() as folder:
        model = str(pathlib.Path(folder) / "m32.onnx")
        networks = document("zoo", "zoo", "list")["networks"]
        printed = {"mobilenet-v1-32": 3516964, "mobilenet-v1-75": 4303396, "mobilenet-v1-128": 7449124}
        assert printed.items() <= {n["name"]: n["parameters"] for n in networks}.items()
        harness.breakeven("zoo", "build", "mobilenet-v1-32", "-o", model)

        inspected = document("inspect", "inspect", model)
        assert inspected["model"]["parameters"] == 3516964
        assert sum(layer["parameters"] for layer in inspected["layers"]) == 3516964
        placed = document("inspect", "inspect", model, "--platform", "cpu:1")
        assert placed["placement"] is None and "every node" in placed["placement_reason"], placed
        small = str(pathlib.Path(folder) / "packed" / "m32.bkv")
        pathlib.Path(small).parent.mkdir()
        packed = document("pack", "pack", model, "-o", small)
        assert packed["packed_bytes"] == pathlib.Path(small).stat().st_size
        assert sum(part["packed_bytes"] for part in packed["parts"]) == packed["packed_bytes"]
        document("unpack", "unpack", small, "-o", small + ".onnx")
        assert pathlib.Path(small + ".onnx").read_bytes() == pathlib.Path(model).read_bytes()
        assert document("inspect", "inspect", small)["model"]["sha256"] == inspected["model"]["sha256"]
        document("platforms", "platforms")
        store = str(pathlib.Path(folder) / "store.sqlite")
        found = document("tune", "tune", model, "--threads", "1", "--limit", "2s", "--store", store)
        assert not found["kept"] and found["contenders"][0]["outcome"] == "chosen"
        assert found["contenders"][0]["platform"] == found["platform"]
        again = document("tune", "tune", model, "--threads", "1", "--store", store)
        assert again["kept"] and {**again, "kept": False} == found
        with tempfile.TemporaryDirectory() as parts:
            document("split", "split", model, "--at", "conv1", "-o", parts)
        document("split", "split", model, "--link", "wifi", "--slowdown", "8", "--runs", "5", "--candidates", "2")
        measured = document("measure", "measure", model, "--platform", "cpu:1", "--runs", "20")
        assert measured["results"][0]["energy_j"] is None, "no powers were given: there is no energy"
        counted = document("measure", "measure", model, "--platform", "cpu:1", "--runs", "20", "--counters",
                           "--active-power", "5W", "--idle-power", "1W", "--subtract-idle", "100ms")
        faults = counted["results"][0]["counters"]["page-faults"]
        assert (faults["count"] is None) == (faults["reason"] is not None), "a count or the reason"
        above = counted["results"][0]["energy_above_idle_j"]["value"]
        assert 0 < above < counted["results"][0]["energy_j"]["value"]
        recording = pathlib.Path(folder) / "power.csv"
        recording.write_text("time,power\n" + "".join(f"{i / 10},2\n" for i in range(101)))
        read = document("meter_read", "meter", "read", f"csv:{recording}", "--from", "1s", "--to", "6s",
                        "--inferences", "20", "--idle-power", "500mW")
        assert abs(read["windows"][0]["energy_j"] - 10) < 1e-9 and abs(read["energy_per_inference_j"] - 0.5) < 1e-9
        assert abs(read["windows"][0]["energy_above_idle_j"] - 7.5) < 1e-9
        document("boards", "boards", "list")
        assert document("inspect", "inspect", model, "--board", "imx8mp")["cache_fit"][2]["size_bytes"] == 868 * 1024
        table = {n["name"]: [round(l["mean_layer_percent"]) for l in n["levels"]]
                 for n in document("boards_fit", "boards", "fit", "imx8mp")["networks"]}
        assert table["vgg16-128"] == [2336, 146, 86] and table["mobilenet-v1-32"] == [121, 8, 4]  # Table 5.1: 120
        energy = document("link_energy", "link", "energy", "wifi", "--up", "150kB", "--down", "400B", "--radio", "lte",
                          "--server-time", "8ms", "--idle-power", "1W", "--suspended-power", "100mW", "--wake-time",
                          "200ms", "--wake-power", "2W")
        assert abs(energy["whole_system"]["attributed"]["network_j"] - 150400 * 0.12 * 3.6e-3) < 1e-9
        assert abs(energy["radio"]["tail_j"] - 11.576 * 1.06) < 1e-9
        walk = pathlib.Path(folder) / "walk.csv"
        walk.write_text("time_s,uplink_Bps,downlink_Bps,device_power_W\n" +
                        "".join(f"{i},0,{i * 1000},{3 + i * 0.01}\n" for i in range(60)))
        fit = document("link_fit", "link", "fit", str(walk))["fits"][0]
        assert abs(fit["base_w"] - 3) < 1e-9 and abs(fit["slope_j_per_byte"] - 1e-5) < 1e-12
        cost = document("link_cost", "link", "cost", "wifi", "--up", "49152B", "--down", "400B")
        assert abs(cost["total_s"] - (0.058 + 0.049152 + 400 / 3.53e6)) < 1e-12
        replayed = document("session_replay", "session", "replay", "--trace",
                            str(harness.ROOT / "tests" / "golden" / "drive.csv"), "--deadline", "700ms",
                            "--active-power", "5W", "--idle-power", "0.9W", "--up-energy", "139nJ/B",
                            "--down-energy", "110nJ/B")
        assert all(p["energy_j"]["value"] > 0 for t in replayed["traces"] for p in t["policies"])
        document("session_run", "session", "run", model, "--period", "20ms", "--duration", "200ms")
        with harness.Server(folder, "--allow-load") as server:
            assert document("deploy", "deploy", model, "--server", server.address)["how"] == "already_there"
            document("link_probe", "link", "probe", server.address)
            document("measure", "measure", model, "--platform", f"grpc://{server.address}", "--runs", "20")
        advice = document("advise", "advise", model, "--platform", "cpu:1", "--link", "ethernet", "--runs", "10",
                          "--active-power", "5W", "--idle-power", "0.9W")
        check_stages(advice)
        assert {p["kind"] for p in advice["plans"]} == {"local", "offload", "split"}
        assert all(p["cost"]["energy_j"]["origin"] == "modelled" for p in advice["plans"])
        check_stages(document("advise", "advise", model, "--platform", "cpu:1", "--link", "5g", "--link", "wifi",
                              "--runs", "10", "--no-emulation"))


if __name__ == "__main__":
    main()
