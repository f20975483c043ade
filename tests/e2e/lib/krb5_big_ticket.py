# SPDX-License-Identifier: MIT
"""Asks the KDC for a service ticket of a chosen size, as users in very many groups have it.

usage: krb5_big_ticket.py PRINCIPAL SIZE      with KRB5_CONFIG and KRB5CCNAME of a client

The ticket goes into the credential cache, where clients find it. It is made by MIT's library:
a client may ask for authorization data, which the KDC copies into the ticket
(RFC 4120 section 5.4.1).
"""
import ctypes
import sys

AD_IF_RELEVANT, AD_NOBODYS = 1, 4711


class Data(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("length", ctypes.c_uint), ("data", ctypes.c_char_p)]


class KeyBlock(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("enctype", ctypes.c_int32),
                ("length", ctypes.c_uint), ("contents", ctypes.c_void_p)]


class AuthData(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("ad_type", ctypes.c_int32),
                ("length", ctypes.c_uint), ("contents", ctypes.c_char_p)]


class Creds(ctypes.Structure):
    """krb5_creds of krb5.h."""
    _fields_ = [("magic", ctypes.c_int32), ("client", ctypes.c_void_p),
                ("server", ctypes.c_void_p), ("keyblock", KeyBlock),
                ("times", ctypes.c_int32 * 4), ("is_skey", ctypes.c_uint),
                ("ticket_flags", ctypes.c_int32), ("addresses", ctypes.c_void_p),
                ("ticket", Data), ("second_ticket", Data),
                ("authdata", ctypes.POINTER(ctypes.POINTER(AuthData)))]


def der(tag, body):
    length = len(body)
    if length < 128:
        return bytes([tag, length]) + body
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + body


def if_relevant(size):
    """AD-IF-RELEVANT around an element that no service knows, so each may pass over it."""
    element = der(0xa0, der(2, AD_NOBODYS.to_bytes(2, "big"))) + der(0xa1, der(4, b"g" * size))
    return der(0x30, der(0x30, element))


def main():
    principal, size = sys.argv[1], int(sys.argv[2])
    krb5 = ctypes.CDLL("libkrb5.so.3")
    context, cache = ctypes.c_void_p(), ctypes.c_void_p()
    wanted, found = Creds(), ctypes.POINTER(Creds)()

    def check(code):
        if code:
            krb5.krb5_get_error_message.restype = ctypes.c_char_p
            sys.exit(krb5.krb5_get_error_message(context, code).decode())

    check(krb5.krb5_init_context(ctypes.byref(context)))
    check(krb5.krb5_cc_default(context, ctypes.byref(cache)))
    client, server = ctypes.c_void_p(), ctypes.c_void_p()
    check(krb5.krb5_cc_get_principal(context, cache, ctypes.byref(client)))
    check(krb5.krb5_parse_name(context, principal.encode(), ctypes.byref(server)))
    wanted.client, wanted.server = client.value, server.value
    contents = if_relevant(size)
    data = AuthData(0, AD_IF_RELEVANT, len(contents), contents)
    wanted.authdata = (ctypes.POINTER(AuthData) * 2)(ctypes.pointer(data), None)
    check(krb5.krb5_get_credentials(context, 0, cache, ctypes.byref(wanted), ctypes.byref(found)))
    # The library keeps no ticket that was asked for with authorization data; and under that
    # data no client would find it.
    found.contents.authdata = ctypes.POINTER(ctypes.POINTER(AuthData))()
    check(krb5.krb5_cc_store_cred(context, cache, found))
    print(found.contents.ticket.length)


main()
