# SPDX-License-Identifier: MIT
"""Fetches a URL with one of Python's libraries: fetch.py LIBRARY PROXY URL, prints the answer's text."""
import asyncio
import contextlib
import sys
from urllib.parse import urlsplit

library, proxy, url = sys.argv[1:]


def by_requests():
    import requests
    return requests.get(url, proxies={"http": proxy, "https": proxy}, timeout=30, verify=False).text


def by_httpx():
    import httpx
    with contextlib.ExitStack() as stack:
        try:
            client = httpx.Client(proxy=proxy, timeout=30, verify=False)
        except TypeError:  # Debian 12's knows the older word
            client = httpx.Client(proxies=proxy, timeout=30, verify=False)
        return stack.enter_context(client).get(url).text


def by_aiohttp():
    import aiohttp

    async def get():
        if proxy.startswith("socks"):
            from aiohttp_socks import ProxyConnector
            at = ProxyConnector.from_url(proxy, rdns=True)
            session, options = aiohttp.ClientSession(connector=at), {}
        else:
            session, options = aiohttp.ClientSession(), {"proxy": proxy}
        async with session, session.get(url, ssl=False, **options) as answer:
            return await answer.text()
    return asyncio.run(get())


def by_websockets():
    """A WebSocket, over a socket that PySocks has connected through the proxy."""
    import socks
    import websockets
    at, to = urlsplit(proxy), urlsplit(url)
    kind = socks.SOCKS5 if at.scheme.startswith("socks5") else socks.HTTP
    s = socks.create_connection((to.hostname, to.port), timeout=30, proxy_type=kind,
                                proxy_addr=at.hostname, proxy_port=at.port, proxy_rdns=True)
    s.settimeout(None)

    async def talk():
        async with websockets.connect(url, sock=s) as w:
            await w.send("are you there")
            return await w.recv()
    return asyncio.run(talk())


print({"requests": by_requests, "httpx": by_httpx, "aiohttp": by_aiohttp,
       "websockets": by_websockets}[library](), end="")
