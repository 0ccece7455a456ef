"""Lines of a trace as the API server sends them: one TCP connection between two nodes."""

CLIENT = ("10.244.0.2", 40000)
SERVICE = ("10.96.0.7", 80)
SERVER = ("10.244.1.2", 80)


def flow(source, destination, protocol="TCP"):
    return {
        "protocol": protocol,
        "source": source[0],
        "sourcePort": source[1],
        "destination": destination[0],
        "destinationPort": destination[1],
    }


def hop(stage, before, after, why="because", rule="row"):
    return {"stage": stage, "rule": rule, "before": before, "after": after, "why": why}


def packet(node, ingress, what, hops, verdict, detail="", size=60):
    first = hops[0]["before"]
    source = f"{first['source']}:{first['sourcePort']}"
    destination = f"{first['destination']}:{first['destinationPort']}"
    return {
        "type": "packet",
        "node": node,
        "ingress": ingress,
        "summary": f"{what} {source} -> {destination}, {size} bytes",
        "hops": hops,
        "verdict": verdict,
        "verdictDetail": detail,
    }


def sent(what="TCP SYN", size=60):
    to_service, to_server = flow(CLIENT, SERVICE), flow(CLIENT, SERVER)
    hops = [hop("service", to_service, to_server), hop("encap", to_server, to_server)]
    return packet("n1", "pod default/web", what, hops, "Encap", "n2 172.18.0.12", size)


def received(what="TCP SYN", size=60):
    to_server = flow(CLIENT, SERVER)
    hops = [hop("deliver", to_server, to_server)]
    return packet("n2", "tunnel 172.18.0.11", what, hops, "Deliver", SERVER[0], size)


def answered():
    back = flow(SERVER, CLIENT)
    hops = [hop("encap", back, back)]
    return packet("n2", "pod default/db", "TCP SYN,ACK", hops, "Encap", "n1 172.18.0.11")


def answer_received():
    back, translated = flow(SERVER, CLIENT), flow(SERVICE, CLIENT)
    hops = [hop("conntrack", back, translated), hop("deliver", translated, translated)]
    return packet("n1", "tunnel 172.18.0.12", "TCP SYN,ACK", hops, "Deliver", CLIENT[0])
