"""The other end of the tests, spoken by CPython.

peer.py serve ADDRESS [KEY]   listens, prints its address, echoes one client's messages
peer.py call ADDRESS [KEY]    connects, sends messages of all sizes, and wants each of them back

ADDRESS is a Python literal. Ends with 0, or with 10 for an AuthenticationError, 11 for an EOFError,
12 for an OSError.
"""
import ast
import sys
from multiprocessing.connection import Client, Listener
from multiprocessing import AuthenticationError

SIZES = [0, 1, 3, 4, 255, 16384, 16385, 65536, 65537, 1 << 20, 64 << 20, 0]


def payload(size):
    block = bytes(i * 31 % 251 for i in range(251))
    return (block * (size // 251 + 1))[:size]


def serve(address, key):
    with Listener(address, authkey=key) as listener:
        print(repr(listener.address), flush=True)
        with listener.accept() as connection:
            try:
                while True:
                    connection.send_bytes(connection.recv_bytes())
            except EOFError:
                pass


def call(address, key):
    with Client(address, authkey=key) as connection:
        for size in SIZES:
            sent = payload(size)
            connection.send_bytes(sent)
            if connection.recv_bytes() != sent:
                sys.exit("%d bytes came back as others" % size)


command, address, *key = sys.argv[1:]
try:
    run = {"serve": serve, "call": call}[command]
    run(ast.literal_eval(address), key[0].encode() if key else None)
except AuthenticationError as error:
    print(error, file=sys.stderr)
    sys.exit(10)
except EOFError:
    sys.exit(11)
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(12)
