"""The .jls files beside this one, by the vendor's own writer: python3 -m pip install pyjls==0.17.0 numpy; then run.
Prints what the tests expect of them, read back by the vendor's own reader."""

import pathlib

import numpy as np
import pyjls
from pyjls import SignalType, SourceDef, SignalDef, Writer, Reader

FOLDER = pathlib.Path(__file__).resolve().parent
RATE = 1000
BEGIN_UTC = 1767225600.25  # 2026-01-01 00:00:00.25 UTC


def signals():
    t = np.arange(2500) / RATE
    current = (0.2 + 0.1 * np.sin(2 * np.pi * 3 * t) + 0.05 * (t > 1.0)).astype(np.float32)
    voltage = (5.0 - 0.5 * current).astype(np.float32)
    return {"current": (current, "A"), "voltage": (voltage, "V"), "power": (current * voltage, "W")}


def write(name, names):
    path = FOLDER / name
    path.unlink(missing_ok=True)
    with Writer(str(path)) as writer:
        writer.source_def(source_id=1, name="bench", vendor="Jetperch", model="JS220", version="1", serial_number="000001")
        for i, key in enumerate(names, 1):
            values, unit = signals()[key]
            writer.signal_def(signal_id=i, source_id=1, signal_type=SignalType.FSR, data_type=pyjls.DataType.F32,
                              sample_rate=RATE, samples_per_data=1024, sample_decimate_factor=16,
                              entries_per_summary=640, summary_decimate_factor=20, name=key, units=unit)
        for i, key in enumerate(names, 1):
            values, _ = signals()[key]
            first = 5000
            if name == "power.jls":  # samples 1200 to 1399 were lost on the way
                writer.fsr(i, first, values[:1200])
                writer.fsr(i, first + 1400, values[1400:])
            else:
                writer.fsr(i, first, values)
            if name == "power.jls":
                writer.utc(i, first, pyjls.utc_to_jls(BEGIN_UTC))
                writer.utc(i, first + len(values) - 1, pyjls.utc_to_jls(BEGIN_UTC + (len(values) - 1) / RATE))
    with Reader(str(path)) as reader:
        data = [reader.fsr(i, 0, 2500) for i in range(1, len(names) + 1)]
        power = data[0] if len(data) == 1 else data[0].astype(float) * data[1]
        print(name, path.stat().st_size, "bytes, energy of all recorded samples", float(np.nansum(power.astype(float))) / RATE,
              "J; of samples 300 to 900", float(np.sum(power[300:900].astype(float))) / RATE, "J; missing", int(np.isnan(power).sum()))


write("power.jls", ["power"])
write("current_voltage.jls", ["current", "voltage"])
