"""What the studies print with --json is what docs/schema promises."""

import pathlib
import tempfile

import harness
import schemas

import json


def main():
    with tempfile.TemporaryDirectory() as folder:
        thesis = schemas.document("study_thesis", "study", "thesis", "--published", "-o", pathlib.Path(folder) / "thesis")
        checks = thesis["checks"]
        assert checks["readings_ruled_out"] == ["upload rate"], checks["readings_ruled_out"]
        assert checks["energy_error_max_j"] < 7e-3
        assert all(count["printed"] == count["counted"] for count in checks["parameters"])
        assert checks["cache_fit_error_max_points"] < 1
        written = json.loads((pathlib.Path(folder) / "thesis" / "results.json").read_text())
        assert {**written, "report": thesis["report"]} == thesis
        edge = schemas.document("study_edge", "study", "edge", "-o", pathlib.Path(folder) / "edge", "--networks",
                                "cnn-trad-fpool3", "--platform", "cpu:1", "--duration", "200ms", "--active-power", "5W",
                                "--price", "100USD")
        measured = [figure for figure in edge["figures"] if figure["latency_s"]["origin"] == "measured"]
        assert len(measured) == 1 and measured[0]["power_w"]["origin"] == "modelled"
        assert abs(measured[0]["inferences_per_s_per_w"] - measured[0]["inferences_per_s"] / 5) < 1e-9
        assert all(figure["source"] for figure in edge["figures"])
        alone = harness.breakeven("study", "edge", "-o", pathlib.Path(folder) / "nothing", "--networks", "cnn-trad-fpool3",
                                  "--platform", "grpc://127.0.0.1:1", "--duration", "200ms", check=False)
        assert alone.returncode == 5 and "no network could be measured" in alone.stderr, (alone.returncode, alone.stderr)
        assert not (pathlib.Path(folder) / "nothing" / "report.html").exists()
        refused = harness.breakeven("study", "edge", "-o", folder, "--price", "100", check=False)
        assert refused.returncode == 2 and "399USD" in refused.stderr, refused.stderr


if __name__ == "__main__":
    main()
