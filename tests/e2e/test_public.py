"""What anybody may read over plain HTTP: issuer certificates, CRLs, the root, and a page without trackers."""
import urllib.parse

import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import raw


def get(ca, path, method="GET", **headers):
    return requests.request(method, ca.HTTP_URL.rstrip("/") + path, headers=headers, timeout=60)


def root_of(ca):
    with open(ca.ROOT_FILE, "rb") as f:
        return x509.load_pem_x509_certificate(f.read())


def test_what_a_certificate_names_is_there(ca, account, responder):
    """D-15, D-43, E-24, E-28: the URLs in a certificate lead to its issuer and to a CRL of it"""
    chain = raw.chain(account.issue(responder, "public.test")[0])
    aia = chain[0].extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    issuer = requests.get(aia[0].access_location.value, timeout=60)
    assert issuer.headers["Content-Type"] == "application/pkix-cert" and "max-age" in issuer.headers["Cache-Control"]
    assert issuer.content == chain[1].public_bytes(Encoding.DER)
    point = chain[0].extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0].full_name[0].value
    answer = requests.get(point, timeout=60)
    assert answer.headers["Content-Type"] == "application/pkix-crl"
    crl = x509.load_der_x509_crl(answer.content)
    assert crl.is_signature_valid(chain[1].public_key())
    age = int(answer.headers["Cache-Control"].split("max-age=")[1])
    assert 0 < age <= 3600
    again = requests.get(point, headers={"If-None-Match": answer.headers["ETag"]}, timeout=60)
    assert again.status_code == 304 and not again.content
    assert requests.get(point, headers={"If-None-Match": '"0"'}, timeout=60).status_code == 200
    head = requests.head(point, timeout=60)
    assert head.status_code == 200 and head.headers["ETag"] == answer.headers["ETag"] and not head.content
    assert int(head.headers["Content-Length"]) == len(answer.content)


def test_caches_keep_what_they_may(ca):
    """D-43, E-28, E-30, RFC 9110 13: each object says how long it is good, and is not sent again to who has it; the list that root programs want"""
    for path, kind in (("/crl/ecdsa-1.crl", "pkix-crl"), ("/crl/ecdsa-1/0.crl", "pkix-crl"), ("/aia/ecdsa-1.der", "pkix-cert"), ("/aia/root.der", "pkix-cert"),
                       ("/crl/root.crl", "pkix-crl"), ("/root.der", "pkix-cert"), ("/root.pem", "x-pem-file"), ("/crls.json", "json"), ("/crl/rsa-1.json", "json")):
        full = get(ca, path)
        assert full.status_code == 200 and full.headers["Content-Type"] == f"application/{kind}" and "public, max-age=" in full.headers["Cache-Control"]
        tag = full.headers["ETag"]
        for tags in tag, f'"x", W/{tag}', f"{tag} , \"y\"", "*":
            again = get(ca, path, **{"If-None-Match": tags})
            assert again.status_code == 304 and not again.content and again.headers["ETag"] == tag, (path, tags)
        for tags in '"x"', tag[:-2] + '"', tag + "x":
            assert get(ca, path, **{"If-None-Match": tags}).content == full.content
        head = get(ca, path, "HEAD")
        assert head.status_code == 200 and int(head.headers["Content-Length"]) == len(full.content) and not head.content
    crl = get(ca, "/crl/ecdsa-1.crl")
    since = {"If-Modified-Since": crl.headers["Last-Modified"]}
    assert get(ca, "/crl/ecdsa-1.crl", **since).status_code == 304
    assert get(ca, "/crl/ecdsa-1.crl", **since, **{"If-None-Match": '"x"'}).status_code == 200
    urls = get(ca, "/crls.json").json()
    assert [urllib.parse.urlsplit(url).path for url in urls] == ["/crl/ecdsa-1.crl", "/crl/rsa-1.crl"] and get(ca, "/crl/rsa-1.json").json() == urls[1:]
    assert requests.get(urls[0], timeout=10).content == crl.content


def test_the_root(ca, client):
    root = root_of(ca)
    for base in ca.HTTP_URL.rstrip("/"), ca.DIRECTORY_URL.rsplit("/", 1)[0]:
        assert x509.load_pem_x509_certificate(client.get(base + "/root.pem").content) == root
        assert x509.load_der_x509_certificate(client.get(base + "/root.der").content) == root
    assert x509.load_der_x509_certificate(get(ca, "/aia/root.der").content) == root
    assert x509.load_der_x509_crl(get(ca, "/crl/root.crl").content).is_signature_valid(root.public_key())


def test_the_page(ca, client):
    """G-16, G-35, G-62: no cookie, no script, nothing from elsewhere"""
    for answer in get(ca, "/"), client.get(urllib.parse.urljoin(ca.DIRECTORY_URL, "/")):
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
        assert ca.DIRECTORY_URL in answer.text and "Set-Cookie" not in answer.headers
        assert not any(word in answer.text for word in ("<script", "<img", "<link", "@import", "src="))


def test_nothing_else(ca):
    """A-1, A-14"""
    for path in ("/aia/nobody.der", "/crl/nobody.crl", "/crl/ecdsa-1/7.crl", "/crl/ecdsa-1/.crl", "/crl/ecdsa-1/0/0.crl", "/crl/nobody.json", "/other.crl", "/aia/../root.der", "/aia/%2e.der", "/crl/.crl", "/aia/" + "x" * 100 + ".der", "/crl/a'b.crl",
                 "/pki/root.key", "/directory", "/acme/new-nonce", "//"):
        with requests.Session() as s:
            asked = requests.Request("GET", ca.HTTP_URL.rstrip("/") + "/").prepare()
            asked.url = ca.HTTP_URL.rstrip("/") + path
            assert s.send(asked, timeout=60).status_code == 404, path
    for method in "POST", "PUT", "DELETE":
        answer = get(ca, "/", method)
        assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD"


def test_readers_are_not_recorded(ca):
    """G-30, G-32: no request for a CRL or a certificate leaves a row"""
    agent = "nobody-in-particular/1"
    for path in "/", "/root.pem", "/crl/root.crl", "/aia/ecdsa-1.der", "/crl/ecdsa-1.crl", "/acme/new-nonce":
        get(ca, path, **{"User-Agent": agent})
    # a request to the API comes after them, and its row is there first
    one = raw.Client(ca)
    one.session.headers["User-Agent"] = agent + "-api"
    one.register()
    while ca.sql(f"SELECT count(*) FROM log.request_private WHERE user_agent = '{agent}-api'") == [["0"]]:
        pass
    assert ca.sql(f"SELECT count(*) FROM log.request_private WHERE user_agent = '{agent}'") == [["0"]]
