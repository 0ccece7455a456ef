import http.server
import socket
import threading

import pytest

from nodeagent.workloads.http_client import GetError, get


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.headers["Host"].encode())

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def port():
    with Server(("::1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["::1", "0:0:0:0:0:0:0:01", "::0.0.0.1"])
def test_no_part_of_an_ipv6_address_is_taken_for_a_port(port, host):
    fetched = get(f"http://[{host}]:{port}/", 5)
    assert fetched.status == 200
    assert fetched.body == f"[{host}]:{port}".encode()
    assert fetched.peer == f"[::1]:{port}"


def test_what_is_no_url_is_said():
    with pytest.raises(GetError, match="is not an http"):
        get("ftp://x", 1)
