"""Breakeven: run a neural network where it is best at that moment: here, on a server, or in two parts.

    session = breakeven.Session("net.onnx", server="edge:8001", deadline=0.2)
    result = session.infer({"input": picture})
"""

from ._core import Counters, Error, Inferred, Outlook, Session, TensorSpec, __version__

__all__ = ["Counters", "Error", "Inferred", "Outlook", "Session", "TensorSpec", "__version__"]
