"""tritonclient's stream against our server: order, errors that do not end it, flags, a half-closed stream."""

import queue
import shutil
import tempfile

import harness

try:
    import numpy as np
    import tritonclient.grpc as triton
    from tritonclient.grpc import service_pb2, service_pb2_grpc
    import grpc
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

NAME = "little"
INPUT = "input"


def picture(value):
    array = np.full([1, 32, 32, 3], value, np.float32)
    request = triton.InferInput(INPUT, list(array.shape), "FP32")
    request.set_data_from_numpy(array)
    return request


def check_client(client):
    """32 requests in flight, every fifth one wrong: 32 answers in order, the stream never ends."""
    alone = [client.infer(NAME, [picture(i)]) for i in range(32)]
    output = alone[0].get_response().outputs[0].name
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for i in range(32):
        client.async_stream_infer("nobody" if i % 5 == 4 else NAME, [picture(i)], request_id=str(i),
                                  enable_empty_final_response=i % 2 == 0)
    for i in range(32):
        result, error = answers.get(timeout=30)
        if i % 5 == 4:
            assert result is None and "unknown model: 'nobody'" in error.message(), error
            continue
        assert error is None, error
        response = result.get_response()
        assert response.id == str(i)
        assert response.parameters["triton_final_response"].bool_param is True
        assert np.array_equal(result.as_numpy(output), alone[i].as_numpy(output)), i
    client.stop_stream()
    assert answers.empty(), "not decoupled: one answer a request, no empty final one"
    config = client.get_model_config(NAME).config
    assert not config.model_transaction_policy.decoupled


def request_message(name, identifier, value=1.0):
    message = service_pb2.ModelInferRequest(model_name=name, id=identifier)
    message.inputs.add(name=INPUT, datatype="FP32", shape=[1, 32, 32, 3])
    message.raw_input_contents.append(np.full([1, 32, 32, 3], value, np.float32).tobytes())
    return message


def check_wire(address):
    """What the client hides: the id of the request that failed, bad requests of all kinds, half close, a status."""
    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        short = request_message(NAME, "short")
        short.raw_input_contents[0] = b"123"
        empty = service_pb2.ModelInferRequest(id="empty")
        messages = [request_message(NAME, "a"), short, empty, request_message("nobody", "c"), request_message(NAME, "d")]
        # The iterator ends at once: the client has closed its half before the first answer is there.
        answers = list(stub.ModelStreamInfer(iter(messages), timeout=30))
        assert [bool(a.error_message) for a in answers] == [False, True, True, True, False], answers
        assert [a.infer_response.id for a in answers] == ["a", "short", "empty", "c", "d"], answers
        assert list(stub.ModelStreamInfer(iter([]), timeout=30)) == []
        stream = stub.ModelStreamInfer(iter(messages), timeout=30, metadata=[("triton_grpc_error", "true")])
        assert next(stream).infer_response.id == "a"
        try:
            next(stream)
            raise AssertionError("the stream went on after an error that was to end it")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        unary = stub.ModelInfer(request_message(NAME, "u"), timeout=30)
        assert "triton_final_response" not in unary.parameters


def main():
    model = harness.shared_data() / "models" / "onnx" / "cifar10_little_resnet8_fp32.onnx"
    with tempfile.TemporaryDirectory() as repository:
        shutil.copy(model, f"{repository}/{NAME}.onnx")
        with harness.Server(repository) as server:
            client = triton.InferenceServerClient(server.address)
            check_client(client)
            check_wire(server.address)


if __name__ == "__main__":
    main()
