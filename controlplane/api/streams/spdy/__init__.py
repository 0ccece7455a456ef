"""SPDY/3.1, as kubectl up to 1.29 and client-go's SPDY executor speak it.

Source: https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
"""
