"""Which URLs are a source, and how one is shown."""

import pytest

from darkroom.errors import SourceBlocked
from darkroom.runtime.redaction import redacted_url
from darkroom.sources.http import check_url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/a", "Only http and https"),
        ("file:///etc/passwd", "Only http and https"),
        ("gopher://example.com/", "Only http and https"),
        ("data:image/png;base64,AAAA", "Only http and https"),
        ("//example.com/a.jpg", "Only http and https"),
        ("example.com/a.jpg", "Only http and https"),
        ("", "Only http and https"),
        ("http://", "names no host"),
        ("http:///a.jpg", "names no host"),
        ("http://:80/a.jpg", "names no host"),
        ("http:a.jpg", "names no host"),
        ("http://example.com:0/", "port"),
        ("http://example.com:000/", "port"),
        ("http://example.com:65536/", "port"),
        ("http://example.com:+80/", "port"),
        ("http://example.com:-1/", "port"),
        ("http://example.com:٨٠/", "port"),
        ("http://example.com:80:80/", "port"),
        ("http://[::1]:x/", "port"),
        ("http://user:secret@example.com/", "credentials"),
        ("http://user@example.com/", "credentials"),
        ("http://@example.com/", "credentials"),
        ("http://8.8.8.8@127.0.0.1/", "credentials"),
        ("http://8.8.8.8%40@127.0.0.1/", "credentials"),
        ("http://example.com\\@127.0.0.1/", "backslashes"),
        ("http://example.com/a b.jpg", "spaces"),
        (" http://example.com/", "spaces"),
        ("http://example.com/\n", "control characters"),
        ("http://exa\tmple.com/", "control characters"),
        ("http://example.com/\x00", "control characters"),
        ("http://example.com/\r\nHost: other", "control characters"),
        ("http://example.com/\x7f", "control characters"),
        ("http://example.com:port/", "port"),
        ("http://example.com:99999/", "port"),
        ("http://example.com/\x85", "control characters"),
        ("http://example.com/\ud800", "control characters"),
        ("http://1.2.3.4.5/a.png", "names no host"),
        ("http://1.2.3.4./", "names no host"),
        ("http://256.1.1.1/", "names no host"),
        ("http://08.1.1.1/", "names no host"),
        ("http://4294967296/", "names no host"),
        ("http://0x/", "names no host"),
        ("http://a.0x7f000001/", "names no host"),
        ("http://example.42/", "names no host"),
        ("http://a^b.example/", "names no host"),
        ("http://a|b.example/", "names no host"),
        ("http://<script>/", "names no host"),
        ("http://a'b.example/", "names no host"),
        ("http://a*.example/", "names no host"),
        ("http://x%zz.example/", "names no host"),
        ("http://%31.example/", "names no host"),
        ("http://a..example/", "names no host"),
        ("http://.example/", "names no host"),
        ("http://./", "names no host"),
        ("http://example../", "names no host"),
        (f"http://{'a' * 64}.example/", "names no host"),
        (f"http://{'a.' * 127}example/", "names no host"),
        (f"http://{'ü' * 60}.example/", "names no host"),
        ("http://\u2028.example/", "names no host"),
        ("http://xn--\u00fc.example/", "names no host"),
        ("http://a\u3002b\u3002\u3002c/", "names no host"),
        ("http://[::1%25lo]/", "names no host"),
        ("http://[::1%lo]/", "names no host"),
        ("http://[fe80::1%25eth0]/", "names no host"),
        ("http://[v1.x]/", "names no host"),
        ("http://[]/", None),
        ("http://[1.2.3.4]/", None),
        ("http://[::1]x/", None),
        ("http://x[::1]/", None),
        ("http://[::1]]/", None),
        ("http://[:::1]/", None),
        ("http://[::1/", "not well formed"),
        ("http://exam℀ple.com/", "not well formed"),
        ("http://example.com/" + "a" * 2048, "longer than 2048"),
    ],
)
def test_only_a_plain_web_address_is_a_source(url: str, reason: str | None) -> None:
    with pytest.raises(SourceBlocked, match=reason) as refused:  # None: Python's releases differ
        check_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://8.8.8.8#@127.0.0.1:80:80/", "8.8.8.8"),  # the fragment begins at #
        ("HTTPS://Example.COM:443", "example.com"),
        ("http://example.com:/", "example.com"),
        ("http://example.com:00080/", "example.com"),
        ("http://example.com./", "example.com."),
        ("http://-a_b-.example/", "-a_b-.example"),
        ("http://localhost/", "localhost"),
        ("http://127.1/", "127.1"),
        ("http://0x7f000001/", "0x7f000001"),
        ("http://1.2.3.4.example/", "1.2.3.4.example"),
        ("http://[::1]/", "::1"),
        ("http://[::FFFF:1.2.3.4]:80/", "::ffff:1.2.3.4"),
        ("http://bücher.example/ü%zz?ü#ü", "bücher.example"),
        ("http://例え。テスト/", "例え。テスト"),
        (f"http://{'a.' * 126}a/", "a." * 126 + "a"),
        ("http://example.com/\u202e<b>'\"|^{}`[]", "example.com"),
    ],
)
def test_any_other_url_whose_host_there_can_be_is_a_source(url: str, host: str) -> None:
    assert check_url(url).hostname == host


@pytest.mark.parametrize("url", ["http://[::1", "http://[v1.x]", "http://exam℀ple.com/", "http:"])
def test_what_is_no_url_can_be_shown_all_the_same(url: str) -> None:
    assert isinstance(redacted_url(url), str)


def test_a_shown_url_has_no_credentials() -> None:
    assert redacted_url("https://user:secret@example.com/a") == "https://example.com/…"


def test_a_url_of_the_greatest_length_is_a_source() -> None:
    url = "http://example.com/".ljust(2048, "a")

    assert check_url(url).hostname == "example.com"
