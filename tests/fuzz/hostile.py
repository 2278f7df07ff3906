"""What senders put where something else belongs."""

DATES = (
    "0000-00-00", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "-0001-06-01", "+12024-01-01",
    "1970-01-01",
    "2023-02-29", "2024-02-30", "2024-13-01", "2024-00-10", "24-01-05", "2024-1-5", "2024/01/05", "2024-W01",
    "2024-366",
)  # fmt: skip
TIMES = (
    "00:00:00Z", "23:59:59Z", "23:59:60Z", "24:00:00Z", "12:60:00Z", "12:00:61Z", "12:00:00", "12:00:00z", "12:00Z",
    "12:00:00+23:59", "12:00:00-23:59", "12:00:00+24:00", "12:00:00+99:99", "12:00:00-00:00", "12:00:00+1", "12Z",
    "12:00:00.000000001Z", "12:00:00.9999999999999999999Z", "12:00:00,5Z", "12:00:00+01:00[Europe/London]",
)  # fmt: skip
TEXTS = (
    "", " ", "\t\r\n", "\0", "a\0b", "\x1b[31mred", "\u202egnihtemos", "\u200b", "\ufeff", "\ufffd",
    "\u0661\u0662\u0663",
    "\uff11\uff12\uff13", "\U0001d7d8", "e\u0301", "\u00e9", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\ud800", "\udfff",
    "\udc00\ud800", "__proto__", "constructor", "toString", "null", "undefined", "NaN", "true", "1", "-0",
    "1e3", "0x1F",
    "1,5", "{{7*7}}", "${jndi:ldap://x}", "'; DROP TABLE pcare.interventions; --", "\\", '"', "\\u0000", "%00",
    "%s%n",
    "<script>alert(1)</script>", "../../../../etc/passwd", "data:text/html,x", "file:///etc/passwd", "a" * 65,
    "a" * 257,
    "x" * 1_000, "\u0130\u0131", "\u212a", "\n".join("abc"), "person:k1:" + "0" * 32, "person:k9:" + "f" * 32,
    "person:",
    "nhs-number:", "nhs-number:1234567890", "team:", "commissioner:QMJ", "urn:ncl:provider:",
    "urn:ncl:provider:nobody",
    "https://fhir.nhs.uk/Id/ods-organization-code/", "https://fhir.nhs.uk/Id/ods-organization-code/ZZZ99",
    "E09000003",
    "E99999999", "uk.nhs.ncl.personalised-care.sp-referral.v1", "uk.nhs.ncl.personalised-care.sp-referral.v2",
)  # fmt: skip
NUMBERS = (
    0, -0.0, 1, -1, 0.1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30, 1e308, -1e308, 5e-324, 1e16,
    float("nan"), float("inf"), float("-inf"), 3.0, 3.5, 20240105, 1704412800,
)  # fmt: skip
RAW = (
    b"1e400", b"-0", b"01", b"+1", b".5", b"1.", b"0x10", b"1E+2", b"1e-999999999", b"9" * 400, b"-" + b"9" * 1_000,
    b"NaN", b"Infinity", b"-Infinity", b"nan", b"undefined", b"True", b"None", b"'x'", b"/* */1", b"1//x",
    b"[1,]", b"{,}",
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\\x41"', b'"\\u12"', b'"\xff\xfe"', b'"\xc0\xaf"',
    b'"\xed\xa0\x80"',
    b'"\xf4\x90\x80\x80"', b'"a\nb"', b'"a\tb"', b"\xef\xbb\xbf", b"[" * 200 + b"]" * 200, b"[" * 1_000,
    b'{"a":' * 300 + b"1" + b"}" * 300, b'{"a":' * 300, b'"' + b"\\n" * 300 + b'"',
)  # fmt: skip
LARGE = (b"[" * 100_000, b'{"a":' * 50_000, b'"' + b"y" * 70_000 + b'"', b'"' + b"\\u0039" * 12_000 + b'"',
         b" " * 300_000,
         b"9" * 100_000, b"9 " * 40_000, b"\xff" * 80_000, b'["",' * 20_000, b"&#57;%39" * 10_000)  # fmt: skip
NAMES = ("__proto__", "constructor", "", " ", "id", "ID", "data", "data_base64", "time", "Time", "\0", "a.b",
         "/", "~1",
         "\u202eid", "x" * 300, "traceparent", "comexampleextension", "subject", "recordedtime",
         "\ud800")  # fmt: skip

CONTENT_TYPES = (
    b"application/json", b"text/plain", b"", b"application/cloudevents+json; charset=utf-8",
    b"application/cloudevents+json; charset=utf-16", b"application/cloudevents+json;charset=\"utf-8\"; x=y",
    b"APPLICATION/CLOUDEVENTS+JSON", b"application/cloudevents+xml", b"application/cloudevents-batch+json",
    b"application/cloudevents+json, application/json", b"*/*", b"multipart/form-data; boundary=x", b"\xff\xfe",
    b"x" * 3_000,
    b"application/cloudevents+json;;;", b"application/cloudevents+json; charset",
    b"application/x-www-form-urlencoded",
)  # fmt: skip
HEADERS = (
    (b"content-encoding", b"gzip"), (b"content-encoding", b"identity"), (b"content-encoding", b"\xff"),
    (b"accept", b"\xff"),
    (b"accept", b"text/html"), (b"x-forwarded-for", b"127.0.0.1"), (b"x-forwarded-host", b"evil"), (b"te",
    b"trailers"),
    (b"ce-specversion", b"1.0"), (b"ce-id", b"\x01\x02"), (b"authorization", b"Bearer \xff"), (b"cookie",
    b"a=" + b"b" * 4_000),
    (b"if-none-match", b"*"), (b"range", b"bytes=0-1"), (b"x-http-method-override", b"DELETE"), (b"upgrade",
    b"websocket"),
    (b"traceparent", b"00-" + b"0" * 32), (b"prefer", b"respond-async"), (b"x-" + b"n" * 200, b"v"),
    (b"idempotency-key", b""),
)  # fmt: skip
METHODS = (b"GET", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"TRACE")
PATHS = (
    b"/", b"/events/", b"/events?x=y", b"/Events", b"//events", b"/events%00", b"/events/../metrics", b"/health/live",
    b"/openapi.json", b"/docs", b"/%2e%2e/%2e%2e/etc/passwd", b"/events;x", b"/events#x", b"/\xff",
    b"/" + b"p" * 2_000,
    b"/%ff%fe", b"/static/../../app.py", b"/docs/%2e%2e/app.py",
)  # fmt: skip
