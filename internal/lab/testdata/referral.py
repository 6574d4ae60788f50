"""Asks an SMB server for DFS referrals and prints the answers in their order.

usage: referral.py HOST USER PASSWORD   (questions on standard input, as JSON)

A question is {"dialect": "2.0.2"|"2.1"|"3.0", "path": P, "level": N,
"max_output": N, "site": S or null}; a site makes it FSCTL_DFS_GET_REFERRALS_EX.
An answer is a line of JSON that repeats the question and adds "status"
(NTSTATUS) and "response" (hex). The decoding is left to others.
"""

import json
import struct
import sys

from impacket import smb3structs
from impacket.smb3 import SessionError
from impacket.smbconnection import SMBConnection

DIALECTS = {
    "2.0.2": smb3structs.SMB2_DIALECT_002,
    "2.1": smb3structs.SMB2_DIALECT_21,
    "3.0": smb3structs.SMB2_DIALECT_30,
}
GET_REFERRALS = 0x00060194
GET_REFERRALS_EX = 0x000601B0
ANY_FILE = b"\xff" * 16


def counted(text):
    raw = text.encode("utf-16le")
    return struct.pack("<H", len(raw)) + raw


def request(q):
    """The FSCTL and its input: [MS-DFSC] 2.2.2 and 2.2.3."""
    if q["site"] is None:
        return GET_REFERRALS, struct.pack("<H", q["level"]) + q["path"].encode("utf-16le") + b"\0\0"
    data = counted(q["path"]) + counted(q["site"])
    return GET_REFERRALS_EX, struct.pack("<HHI", q["level"], 1, len(data)) + data


def ask(server, tree, q):
    code, blob = request(q)
    try:
        response = server.ioctl(tree, ANY_FILE, code, flags=1, inputBlob=blob,
                                maxInputResponse=0, maxOutputResponse=q["max_output"])
    except SessionError as error:
        return {"status": error.get_error_code(), "response": ""}
    return {"status": 0, "response": response.hex()}


def main():
    host, user, password = sys.argv[1:]
    questions = json.load(sys.stdin)
    answers = {}
    for dialect in dict.fromkeys(q["dialect"] for q in questions):
        connection = SMBConnection(host, host, preferredDialect=DIALECTS[dialect])
        connection.login(user, password)
        tree, server = connection.connectTree("IPC$"), connection.getSMBServer()
        server._Session["OpenTable"][ANY_FILE] = {}  # impacket insists on an open file
        for i, q in enumerate(questions):
            if q["dialect"] == dialect:
                answers[i] = ask(server, tree, q)
        connection.logoff()
    for i, q in enumerate(questions):
        print(json.dumps(q | answers[i]))


main()
