"""Two finished studies made up for the transcripts: a board's and a lab's, whose numbers are round."""

import hashlib
import json

LINKS = {
    "ethernet": {"name": "ethernet", "one_way_latency": "10ms", "up": "3.04MB/s", "down": "7.13MB/s",
                 "up_energy": "128nJ/B", "down_energy": "57nJ/B"},
    "5g": {"name": "5g", "one_way_latency": "1ms", "up": "25.25MB/s", "down": "25.25MB/s"},
}
NETWORKS = {"MobileNet": 3_516_964, "VGG16": 14_871_716}


def latency(seconds):
    return {"n": 100, "mean_s": seconds, "sd_s": seconds / 20, "min_s": 0.9 * seconds, "p50_s": seconds,
            "p90_s": 1.1 * seconds, "p99_s": 1.2 * seconds, "max_s": 1.3 * seconds,
            "ci95_s": [0.99 * seconds, 1.01 * seconds]}


def variant(network, recipe):
    return {"network": network, "side": 32, "recipe": recipe, "parameters": NETWORKS[network], "layers": 16,
            "macs": 40_000_000, "input": 3072, "output": 400, "file": 14_000_000, "packed": 2_000_000,
            "agreement": None, "fits": []}


def write(folder, machine, version, slow, networks, powers):
    """`slow`: how many times as slow as a server that takes 2 ms for MobileNet, 8 ms for VGG16."""
    folder.mkdir()
    entries = [("settings", {"type": "settings", "settings": {
        "links": [json.dumps(link) for link in LINKS.values()], "active_power_w": powers[0], "idle_power_w": powers[1],
        "low_idle_power_w": None, "slowdown": 1.0, "notes": []},
        "circumstances": [f"measured on: {machine}"]})]
    for network in networks:
        for recipe in ("", "PQ"):
            digest = hashlib.sha256(f"{machine} {network} {recipe}".encode()).hexdigest()
            alone = (0.002 if network == "MobileNet" else 0.008) * (0.5 if recipe else 1.0)
            entries.append((f"variant {digest}", {"type": "variant", "sha256": digest, "facts": variant(network, recipe)}))

            def cell(kind, seconds, link=None):
                result = {"latency": latency(seconds), "energy_j": None, "counters": None}
                if kind != "local":
                    result["server"] = {"queue_s": latency(1e-5), "compute_s": latency(alone * slow / 2),
                                        "network_s": latency(seconds - alone * slow / 2)}
                value = {"type": "cell", "kind": kind, "variant": digest, "platform": "cpu:2", "machine": machine,
                         "result": result, "warnings": [], "payload": {"up": 3072, "down": 400}}
                if link:
                    value["link"] = json.dumps(LINKS[link])
                key = json.dumps({"variant": digest, "kind": kind, "link": link, "breakeven": version})
                entries.append((key, value))

            cell("local", alone * slow)
            cell("server", alone * slow / 2 + 0.0005)
            cell("link", alone * slow / 2 + 0.0225, "ethernet")
    with open(folder / "cells.jsonl", "w", encoding="utf-8") as file:
        for content in [{"breakeven_cells": 1}, *({"key": key, "value": value} for key, value in entries)]:
            text = json.dumps(content)
            file.write(f"{hashlib.sha256(text.encode()).hexdigest()[:16]} {text}\n")


def write_all(folder):
    write(folder / "board", "board", "0.1.0", 40, ["MobileNet", "VGG16"], (4.0, 2.0))
    write(folder / "lab", "lab", "0.2.0", 1, ["MobileNet"], (None, None))
