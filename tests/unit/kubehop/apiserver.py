"""A TLS server with client certificates, for tests of the API client."""

import base64
import datetime
import http.server
import json
import ssl
import threading
from contextlib import contextmanager

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_NOW = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_LATER = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)


def _key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _certificate(name, key, issuer, issuer_key, *, is_ca):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW)
        .not_valid_after(_LATER)
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())


class Certificates:
    """A CA, and one certificate for both the server and its client."""

    def __init__(self, folder):
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _certificate("ca", ca_key, None, ca_key, is_ca=True)
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _certificate("localhost", key, ca.subject, ca_key, is_ca=False)
        self.ca_pem = ca.public_bytes(serialization.Encoding.PEM)
        self.certificate_pem = leaf.public_bytes(serialization.Encoding.PEM)
        self.key_pem = _key_pem(key)
        self.ca_file, self.pair_file = folder / "ca.pem", folder / "pair.pem"
        self.ca_file.write_bytes(self.ca_pem)
        self.pair_file.write_bytes(self.certificate_pem + self.key_pem)

    def server_context(self):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.ca_file))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.pair_file)
        return context

    def kubeconfig(self, server):
        def data(pem):
            return base64.b64encode(pem).decode()

        return yaml.safe_dump(
            {
                "clusters": [
                    {
                        "name": "c",
                        "cluster": {
                            "server": server,
                            "certificate-authority-data": data(self.ca_pem),
                        },
                    }
                ],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "users": [
                    {
                        "name": "u",
                        "user": {
                            "client-certificate-data": data(self.certificate_pem),
                            "client-key-data": data(self.key_pem),
                        },
                    }
                ],
                "current-context": "x",
            }
        )


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        request = {
            "method": self.command,
            "path": self.path,
            "type": self.headers["Content-Type"],
            "body": self.rfile.read(length).decode(),
        }
        self.server.requests.append(request)
        code, body = self.server.answers.pop(0) if self.server.answers else (200, {"echo": request})
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        if self.server.closes:
            self.close_connection = True

    do_GET = do_POST = do_PATCH = _answer

    def log_message(self, *arguments):
        pass


@contextmanager
def api_server(certificates):
    """The server; set its `answers`: (code, body) pairs. Without, requests are echoed."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.requests, server.answers, server.closes = [], [], False
        server.daemon_threads = True
        server.socket = certificates.server_context().wrap_socket(server.socket, server_side=True)
        server.url = f"https://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
