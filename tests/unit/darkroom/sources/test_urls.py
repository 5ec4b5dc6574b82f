"""Which URLs are a source, and how one is shown."""

import pytest

from darkroom.errors import SourceBlocked
from darkroom.runtime.redaction import redacted_url
from darkroom.sources.urls import check_url, redirected


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
        ("http://exa mple.com/", "names no host"),
        ("http:// example.com/", "names no host"),
        ("http://example.com /", "names no host"),
        ("http://127.0.0.1 .example.com/", "names no host"),
        ("http://127.0.0.1 8.8.8.8/", "names no host"),
        ("http://127.0.0.1\u30008.8.8.8/", "names no host"),
        ("http://example.com: 80/", "port"),
        ("http://example.com:80 /", "port"),
        ("http://user name@example.com/", "credentials"),
        ("http ://example.com/", "Only http and https"),
        ("http://exa\nmple.com/", "control characters"),
        ("http://example.com/a\nb", "control characters"),
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
def test_any_other_url_with_a_possible_host_is_a_source(url: str, host: str) -> None:
    assert check_url(url).hostname == host


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://h/my photo.png?a b#c d", "http://h/my%20photo.png?a%20b#c d"),
        (" \t\r\nhttp://h/a.png \n", "http://h/a.png"),
        ("http://h/größe.png?q=größe", "http://h/gr%C3%B6%C3%9Fe.png?q=gr%C3%B6%C3%9Fe"),
        ("http://h/\u00a0 \u3000", "http://h/%C2%A0%20%E3%80%80"),
        ("http://h/%20%zz100%", "http://h/%20%zz100%"),
        ("http://h/a?b=c?d+e&f;g", "http://h/a?b=c?d+e&f;g"),
        ('http://h/<">?<">', "http://h/%3C%22%3E?%3C%22%3E"),
    ],
)
def test_a_url_is_encoded_as_browsers_do(url: str, sent: str) -> None:
    assert check_url(url).geturl() == sent


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (b"/gr\xc3\xb6\xc3\x9fe.png", "http://h/gr%C3%B6%C3%9Fe.png"),  # UTF-8
        (b"/gr\xf6\xdfe.png", "http://h/gr%F6%DFe.png"),  # Latin-1
        (b"/\xc3\x85\xc3\xa0.png", "http://h/%C3%85%C3%A0.png"),  # its bytes include NEL and NBSP
        (b"/\xe4\xbe\x8b?\xe4\xbe\x8b", "http://h/%E4%BE%8B?%E4%BE%8B"),
        (b"/my photo.png", "http://h/my%20photo.png"),
        (b"my photo.png?a b", "http://h/from/my%20photo.png?a%20b"),
        (b"/gr%C3%B6%20e.png", "http://h/gr%C3%B6%20e.png"),
        (b"//b\xc3\xbccher.example/\xc3\xbc", "http://bücher.example/%C3%BC"),
        (b"?a=\xc3\xbc", "http://h/from/here?a=%C3%BC"),
    ],
)
def test_a_redirect_leads_to_the_same_url_as_in_a_browser(location: bytes, target: str) -> None:
    assert (
        check_url(redirected("http://h/from/here", location.decode("latin-1"))).geturl() == target
    )


@pytest.mark.parametrize("url", ["http://[::1", "http://[v1.x]", "http://exam℀ple.com/", "http:"])
def test_a_text_that_is_not_a_url_can_still_be_shown(url: str) -> None:
    assert isinstance(redacted_url(url), str)


def test_a_shown_url_has_no_credentials() -> None:
    assert redacted_url("https://user:secret@example.com/a") == "https://example.com/…"


def test_a_url_of_the_greatest_length_is_a_source() -> None:
    url = "http://example.com/".ljust(2048, "a")

    assert check_url(url).hostname == "example.com"
