# SPDX-License-Identifier: MIT
"""nov6.py CMD…: a machine without IPv6, for one program: socket(AF_INET6) is EAFNOSUPPORT."""
import ctypes
import errno
import os
import socket
import sys

SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_CMP_EQ = 0x7fff0000, 0x00050000, 4


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def main():
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    f = ctypes.c_void_p(lib.seccomp_init(SCMP_ACT_ALLOW))
    number = lib.seccomp_syscall_resolve_name(b"socket")
    rule = Compare(0, SCMP_CMP_EQ, socket.AF_INET6, 0)
    if lib.seccomp_rule_add_array(f, SCMP_ACT_ERRNO | errno.EAFNOSUPPORT, number, 1, ctypes.byref(rule)) \
            or lib.seccomp_load(f):
        sys.exit("no filter")
    os.execvp(sys.argv[1], sys.argv[1:])


main()
