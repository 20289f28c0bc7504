"""TLS, mutual TLS and tokens as other people's clients speak them (tritonclient), and as our own commands do."""

import os
import shutil
import subprocess
import tempfile

import harness

try:
    import tritonclient.grpc as triton
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")
if shutil.which("openssl") is None:
    harness.skip("needs the program openssl")


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)


def make_authority(folder, name):
    key, certificate = f"{folder}/{name}.key", f"{folder}/{name}.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
            certificate, "-days", "2", "-subj", f"/CN={name}")
    return key, certificate


def issue(folder, authority, name):
    key, request, certificate = (f"{folder}/{name}.{kind}" for kind in ("key", "csr", "pem"))
    extensions = f"{folder}/{name}.ext"
    with open(extensions, "w", encoding="utf-8") as file:
        file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
            "-subj", f"/CN={name}")
    openssl("x509", "-req", "-in", request, "-CA", authority[1], "-CAkey", authority[0], "-CAcreateserial", "-out",
            certificate, "-days", "2", "-extfile", extensions)
    return key, certificate


def refused(call, text):
    try:
        call()
    except triton.InferenceServerException as error:
        assert text in str(error), error
        return
    raise AssertionError(f"not refused: {text}")


def check_triton(server, authority, client, token):
    def ask(headers=None, **ssl):
        with triton.InferenceServerClient(server.address, ssl=True, root_certificates=authority[1], **ssl) as asked:
            return asked.is_server_live(headers=headers, client_timeout=10)

    mine = {"private_key": client[0], "certificate_chain": client[1]}
    assert ask({"authorization": f"Bearer {token}"}, **mine)
    refused(lambda: ask(**mine), "asks for a token")
    refused(lambda: ask({"authorization": "Bearer wrong"}, **mine), "not this server's")
    refused(lambda: ask({"authorization": f"Bearer {token}"}), "")  # no certificate


def check_commands(server, authority, client, token_file):
    secure = ["--tls-ca", authority[1], "--tls-cert", client[1], "--tls-key", client[0], "--token-file", token_file]
    picture = os.path.join(os.path.dirname(token_file), "x.bin")
    with open(picture, "wb") as file:
        file.write(bytes(32 * 32 * 3 * 4))
    infer = ["infer", "m32", "--input", picture, "--server", server.address]
    assert harness.breakeven(*infer, *secure).returncode == 0
    harness.breakeven("link", "probe", server.address, *secure)
    for left_out, said in ((secure[6:], "authorities"), (secure[:2] + secure[6:], "asks for a certificate"),
                           (secure[:6], "asks for a token")):
        done = harness.breakeven(*infer, *left_out, check=False)
        assert done.returncode != 0, left_out
        assert said in done.stderr or left_out == secure[6:], (left_out, done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def check_plain_text():
    done = harness.breakeven("infer", "m32", "--input", "/dev/null", "--server", "192.0.2.1:8001", check=False)
    assert done.returncode == 2 and "--plain" in done.stderr, done.stderr
    with tempfile.TemporaryDirectory() as repository:
        harness.breakeven("zoo", "build", "mobilenet-v1-32", "-o", f"{repository}/m32.onnx")
        done = harness.breakeven("serve", repository, "--listen", "0.0.0.0:0", check=False)
        assert done.returncode == 2 and "--plain" in done.stderr, done.stderr


def main():
    with tempfile.TemporaryDirectory() as folder:
        authority = make_authority(folder, "authority")
        server_pair, client_pair = issue(folder, authority, "server"), issue(folder, authority, "client")
        token_file = f"{folder}/token"
        with open(token_file, "w", encoding="utf-8") as file:
            file.write("tell-nobody\n")
        os.mkdir(f"{folder}/models")
        harness.breakeven("zoo", "build", "mobilenet-v1-32", "-o", f"{folder}/models/m32.onnx")
        with harness.Server(f"{folder}/models", "--tls-cert", server_pair[1], "--tls-key", server_pair[0],
                            "--tls-client-ca", authority[1], "--token-file", token_file) as server:
            check_triton(server, authority, client_pair, "tell-nobody")
            check_commands(server, authority, client_pair, token_file)
    check_plain_text()


if __name__ == "__main__":
    main()
