"""Prints the path and the content of every file below an SMB address.

usage: walk.py smb://HOST/SHARE USER PASSWORD
"""

import sys

import smbc

FOLDERS = (smbc.DIR, smbc.FILE_SHARE, smbc.LINK)


def walk(context, root, path):
    for entry in sorted(context.opendir(root + path).getdents(), key=lambda e: e.name):
        if entry.name in (".", ".."):
            continue
        below = path + "/" + entry.name
        if entry.smbc_type in FOLDERS:
            walk(context, root, below)
        else:
            print(below + ": " + context.open(root + below).read().decode().strip())


def main():
    root, user, password = sys.argv[1:]
    context = smbc.Context(auth_fn=lambda server, share, group, u, p: (group, user, password))
    walk(context, root, "")


main()
