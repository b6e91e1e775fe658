"""What has broken programs of this kind before, by where it can be put."""

DEEP = 5000

VALUES = (
    *("null", "true", "[]", "{}", '""', "0", "-1", "0.1", "1.0", "-0", "-0.0", "1e5", "1e22"),
    *("2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616"),
    *("9007199254740993", "1e299", "1e308", "-1e308", "1e-308", "1e400", "-1e400", "NaN", "Infinity", "-Infinity"),
    *("1" * 299, "1" * 301, "1" * 5000, "0." + "1" * 5000, "1e" + "9" * 100),
    *('"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\uffff"', '"\\ufeff"'),
    *('" "', '"\\r\\nSet-Cookie: a=b"', '"\\u001b[31m"', '"\\u202egnp"', '"\\u2028"', '"\\u0660\\u0661"'),
    *('"<script>stored(1)</script>"', '"\\"><script>stored(2)</script>"', '"{waiting}"', '"{{7*7}}"', '"%s%n{0}"'),
    *('"..\\/..\\/etc\\/passwd"', '"\'; DROP TABLE sagas_saga; --"', '"a@example.org\\nBcc: b@example.org"'),
    *('"' + "x" * 64 + '"', '"' + "x" * 256 + '"', '"' + "x" * 5000 + '"', '"' + "ü" * 140_000 + '"'),
    *("[" * 31 + "]" * 31, "[" * 33 + "]" * 33, "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP),
    *('{"a":1,"a":2}', '{"":1}', '{"a\\u0000":1}', '{"\\ud800":1}', '{"__proto__":1}', '{"$ref":"#"}'),
    *("[" + "1," * 60_000 + "1]", "[" + "1e308," * 9000 + "1]", "[" + "1e-300," * 9000 + "1]", "[null,null]"),
    *('"9999-12-31T23:59:59-14:00"', '"0001-01-01T00:00:00+14:00"', '"2020-01-01T00:00:00"', '"24:00"', "1e18"),
    *('"return"', '"replace"', '"queue"', '"refuse"', '"typed"', '"full"', '"plain"', '"agreed"', '"paid"', '"ship"'),
)
"""JSON texts to stand where another value stood."""

BODIES = (
    *(b"", b" ", b"{", b"}", b"[", b'"', b'{"a"', b'{"a":', b'{"a":1', b"nul", b"tru", b"\x00", b"\xff\xfe{}", b"{}x"),
    *(b"\xef\xbb\xbf{}", "{}".encode("utf-16"), "{}".encode("utf-32"), b'{"a":"\xed\xa0\x80"}', b'{"a":"\xff"}'),
    *(b'{"a":1,}', b"{'a':1}", b"[1,]", b"01", b"+1", b".5", b"0x10", b"1_000", b"--1", b"// x\n{}", b'{"a":"\n"}'),
    *(b'"' + b"x" * 262_142 + b'"', b'"' + b"x" * 262_143 + b'"', b"x" * 300_000, b'"' + b"\\" * 100_001),
    *(b"[" * 100_000, b"{" * 100_000, b"[{" * 50_000, b'["' * 50_000, b"[" * 33, b"\x1f\x8b\x08\x00" + b"\x00" * 64),
    *(b"a=1&b=2", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--", b"<?xml version='1.0'?><a/>"),
    b'{"input":' + b"[" * 16 + b'"' + b"]" * 16 + b"}",
)
"""Whole bodies, which no door but the callback's may take."""

TEXTS = (
    *(
        "",
        " ",
        "%00",
        "a%00b",
        "%ff%fe",
        "%ED%A0%80",
        "%0d%0aSet-Cookie:%20a=b",
        "%0a",
        "..%2f..%2f",
        "%25",
        "%2",
        "%zz",
    ),
    *("+", "*", "%C3%BC", "%F0%9F%98%80", "%u0000", "%E2%80%AE", "-1", "0", "1e5", "9" * 30, "9" * 5000, "x" * 5000),
    *("null", "true", "None", "nan", "[]", "{}", "x;y", "a,b", "%27%3B--", "%3Cscript%3Estored(3)", "{waiting}"),
    *("00000000-0000-0000-0000-000000000000", "{waiting}x", "_0Ab", "a_00b", "_ZZ", "AAAA", "====", "%5B%5D", "²", "٣"),
)
"""Texts for addresses, queries and forms, percent-encoded where need be."""

QUERIES = (
    *("a", "=", "&", "&&", "=x", "a=1&a=2", "a[]=1", "a%00=1", "%ff=1", "?", "limit=1&limit=2", "_to_field=id"),
    *("_popup=1", "e=1", "all=", "p=-1", "p=" + "9" * 30, "p=" + "9" * 5000, "o=1.-2.x", "o=²", "_facets=True"),
    *("saga__pk=1", "input__a=1", "labels__a__b=1", "id__in=a,b", "id__exact=x", "pk=%00", "state__exact=%00", "q=%00"),
    *(
        "created_at__gte=x",
        "created_at__year=99999",
        "state__regex=(",
        "state__isnull=x",
        "user__password__startswith=a",
    ),
    "&".join(f"a{n}={n}" for n in range(2000)),
)

HEADERS = (
    *(
        ("Content-Type", f"application/json; charset={name}")
        for name in ("hex", "utf-7", "idna", "utf-16", "x", "\x00")
    ),
    *(("Content-Type", f"application/json; charset={name}") for name in ("unicode_escape", "base64", "undefined", '"')),
    *(
        ("Content-Type", kind)
        for kind in ("", "x", "text/plain", "application/JSON", "application/json;", ";", "a" * 9000)
    ),
    *(("Content-Type", kind) for kind in ("multipart/form-data", "multipart/form-data; boundary=", "*/*", "é")),
    *(("Content-Type", f"multipart/form-data; boundary=x; charset={name}") for name in ("hex", "utf-7", "idna", "x")),
    *(("Content-Type", f"application/x-www-form-urlencoded; charset={name}") for name in ("latin-1", "hex", "utf-8")),
    *(("Content-Length", value) for value in ("", "0", "1", "99")),
    *(("Content-Encoding", value) for value in ("gzip", "deflate", "br", "x")),
    *(("Transfer-Encoding", value) for value in ("chunked", "gzip, chunked", "x")),
    *(("Idempotency-Key", value) for value in ("", " ", "a b", "é", "x" * 255, "x" * 256, "\x00", "a,b", "a\tb")),
    *(("traceparent", value) for value in ("", "x", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "00-" + "g" * 32, "é")),
    ("traceparent", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
    *(("X-Request-Id", value) for value in ("", "x" * 9000, "<script>stored(4)</script>", "\x00", "a\tb", "é")),
    *(
        ("Authorization", value)
        for value in ("", "Bearer", "Bearer ", "Bearer é", "Basic eDp5", "Bearer " + "x" * 9000)
    ),
    *(("Authorization", value) for value in ("bearer {key}", "Bearer {key} x", "Bearer \x00", "Bearer a.b.c", "é")),
    *(("X-API-Key", value) for value in ("", "x", "é", "{key}", "x" * 9000)),
    *(("Cookie", value) for value in ("", "=", "sessionid", "sessionid=\x00", "sessionid=" + "x" * 5000, "é=é", ";;;")),
    *(("Cookie", f"sessionid={{session}}; csrftoken={value}") for value in ("", "x", "é", "x" * 64, '"\\000"')),
    *(
        ("Cookie", f"sessionid={{session}}; csrftoken={{csrf}}; messages={value}")
        for value in ("x", "a:b:c", "[[", "é")
    ),
    *(
        ("If-Match", value)
        for value in ("", "*", '"x"', 'W/"0"', '"0"', '"-1"', '"' + "9" * 30 + '"', '"²"', '"0", "1"')
    ),
    *(
        ("Host", value)
        for value in ("", "evil.example", "a b", "[::1", "localhost:99999999", "localhost:x", "é", "a,b")
    ),
    *(("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "x"), ("X-Forwarded-For", "x" * 9000)),
    *(("Accept", value) for value in ("", "text/html", "*/*;q=x", "application/xml", "a/b," * 2000, "é")),
    *(("Accept-Language", value) for value in ("x-" * 3000, "\x00", "de;q=9e999", "é")),
    *(("X-HTTP-Method-Override", "DELETE"), ("Expect", "100-continue"), ("Range", "bytes=0-0,-1"), ("Upgrade", "h2c")),
    *(("If-Modified-Since", "x"), ("If-None-Match", '"'), ("Referer", "é"), ("Origin", "null"), ("Origin", "http://[")),
    ("User-Agent", "<script>stored(5)</script>"),
)

METHODS = ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "get", "", "X" * 300, "GÉT")
