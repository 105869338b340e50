#!/usr/bin/env python3
"""A gRPC server and a client of it, with bytes for messages: rpc.py server|client ADDRESS."""
import sys
import time
from concurrent import futures

import grpc

SERVICE = "tsumari.test.Shop"


def price(request, context):
    if request == b"nothing":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
    if request == b"broken":
        context.abort(grpc.StatusCode.INTERNAL, "it broke")
    if request == b"slow":
        time.sleep(1)
    return b"price of " + request


def listing(request, context):
    for i in range(4):
        time.sleep(0.05)
        yield b"item %d" % i


def total(requests, context):
    return b"%d" % sum(len(r) for r in requests)


def serve(address):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    handlers = {"Price": grpc.unary_unary_rpc_method_handler(price),
                "List": grpc.unary_stream_rpc_method_handler(listing),
                "Total": grpc.stream_unary_rpc_method_handler(total)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


def ask(address):
    channel = grpc.insecure_channel(address)
    one = channel.unary_unary("/%s/Price" % SERVICE)
    for what in b"tea", b"nothing", b"broken", b"rice":
        try:
            one(what)
        except grpc.RpcError:
            pass
    try:
        one(b"slow", timeout=0.3)
    except grpc.RpcError:
        pass
    list(channel.unary_stream("/%s/List" % SERVICE)(b"all"))
    channel.stream_unary("/%s/Total" % SERVICE)(iter([b"a" * 100, b"b" * 2000]))
    try:
        channel.unary_unary("/%s/Missing" % SERVICE)(b"")
    except grpc.RpcError:
        pass
    calls = [one.future(b"call %d" % i) for i in range(5)]
    for c in calls:
        c.result()
    channel.close()


if __name__ == "__main__":
    (serve if sys.argv[1] == "server" else ask)(sys.argv[2])
