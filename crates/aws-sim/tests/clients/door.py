"""A door with a TLS certificate for AWS's names, behind which the simulator stands: a proxy that
takes CONNECT to any host, speaks TLS as that host, and hands the bytes on. Clients that know no
endpoint URL go through it by HTTPS_PROXY and AWS_CA_BUNDLE, and believe they talk to AWS."""

import datetime
import os
import socket
import ssl
import threading
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = [
    "*.amazonaws.com",
    "*.eu-central-1.amazonaws.com",
    "*.sso.eu-central-1.amazonaws.com",
    "*.us-east-1.amazonaws.com",
    "*.signin.aws.amazon.com",
    "signin.aws.amazon.com",
]


class Door:
    """Open while it is entered; `ca` is the certificate to trust, `url` the proxy's address."""

    def __init__(self, folder, simulator):
        self.target = urlsplit(simulator).hostname, urlsplit(simulator).port
        self.ca = os.path.join(folder, "ca.pem")
        key = os.path.join(folder, "key.pem")
        made(self.ca, key)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.ca, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def environment(self):
        return {"HTTPS_PROXY": self.url, "AWS_CA_BUNDLE": self.ca, "NO_PROXY": ""}

    def accept(self):
        while True:
            try:
                caller, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(caller,), daemon=True).start()

    def serve(self, caller):
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                more = caller.recv(4096)
                if not more:
                    return
                head += more
            if not head.startswith(b"CONNECT "):
                caller.sendall(b"HTTP/1.1 405 Only CONNECT\r\n\r\n")
                return
            caller.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            inside = self.tls.wrap_socket(caller, server_side=True)
            behind = socket.create_connection(self.target)
            threading.Thread(target=hand_on, args=(behind, inside), daemon=True).start()
            hand_on(inside, behind)
        except OSError:
            caller.close()


def hand_on(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def made(certificate, key):
    """A certificate for AWS's names that vouches for itself, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated AWS")])
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName(map(x509.DNSName, NAMES)), critical=False)
        .sign(private, hashes.SHA256())
    )
    with open(certificate, "wb") as file:
        file.write(built.public_bytes(serialization.Encoding.PEM))
    with open(key, "wb") as file:
        file.write(
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
