# One image for all of kubehop: control plane, DNS server, load balancer and node.
# BASE_IMAGE needs Python >= 3.11; a bare Debian gets it from its own packages.
ARG BASE_IMAGE=python:3.13-slim-bookworm
FROM ${BASE_IMAGE} AS build
RUN command -v python3 >/dev/null && python3 -c 'import venv, ensurepip' 2>/dev/null \
    || (apt-get update && apt-get install -y --no-install-recommends python3 python3-venv)
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY netcore netcore
COPY protos protos
COPY nodeagent nodeagent
COPY controlplane controlplane
COPY coredns_emu coredns_emu
COPY cloudlb cloudlb
COPY kubehop kubehop
COPY examples examples
RUN python3 -m venv /opt/kubehop && /opt/kubehop/bin/pip install --no-cache-dir .

FROM ${BASE_IMAGE}
# What pods find on the node's file system: their images are names, not contents.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
       bind9-dnsutils ca-certificates curl iproute2 iputils-ping netcat-openbsd nginx-light procps \
    && (command -v python3 >/dev/null || apt-get install -y --no-install-recommends python3) \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/kubehop /opt/kubehop
ENV PATH=/opt/kubehop/bin:$PATH PYTHONUNBUFFERED=1
ENTRYPOINT ["python3", "-m"]
