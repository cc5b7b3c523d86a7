"""What certbot's own library meets when it asks for what it can't have (RFC 8555): its parser of problems, nonces and links is
not ours. A-22, A-23, A-35, A-38, A-51, A-52, A-54, A-57, A-60, A-74, A-94, A-96, A-112 to A-115, A-121, A-123 to A-131."""
import datetime

import josepy
import OpenSSL
import pytest
from acme import challenges, errors, messages
from acme import client as acme_client
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import raw


def rsa_jwk(bits=2048):
    return josepy.JWKRSA(key=rsa.generate_private_key(65537, bits))


def connect(ca, key=None, alg=josepy.RS256):
    net = acme_client.ClientNetwork(key or rsa_jwk(), alg=alg, verify_ssl=ca.API_CA_FILE)
    net.session.trust_env = False
    return acme_client.ClientV2(messages.Directory.from_json(net.get(ca.DIRECTORY_URL).json()), net)


def agreeing(**members):
    return messages.NewRegistration.from_data(terms_of_service_agreed=True, **members)


def registered(ca, key=None, alg=josepy.RS256):
    one = connect(ca, key, alg)
    return one, one.new_account(agreeing())


@pytest.fixture
def holder(ca):
    return registered(ca)[0]


def refused(kind, call, *arguments, **named):
    """The problem that the library made of the answer."""
    with pytest.raises(messages.Error) as caught:
        call(*arguments, **named)
    assert caught.value.code == kind, caught.value
    assert caught.value.detail
    return caught.value


def csr_pem(*names, key=None, common_name=None):
    der, key = raw.csr(list(names), key, common_name)
    request = OpenSSL.crypto.load_certificate_request(OpenSSL.crypto.FILETYPE_ASN1, der)
    return OpenSSL.crypto.dump_certificate_request(OpenSSL.crypto.FILETYPE_PEM, request), key


def soon():
    return datetime.datetime.now() + datetime.timedelta(seconds=60)


def http01(authzr):
    return next(c for c in authzr.body.challenges if isinstance(c.chall, challenges.HTTP01))


def answer(one, responder, order):
    for authzr in order.authorizations:
        challenge = http01(authzr)
        response, text = challenge.response_and_validation(one.net.key)
        responder.tokens[challenge.chall.encode("token")] = text
        one.answer_challenge(challenge, response)


def issue(one, responder, *names):
    """A whole order; the leaf as the library wants it for revocation, and the order."""
    pem, key = csr_pem(*names)
    order = one.new_order(pem)
    if any(a.body.status == messages.STATUS_PENDING for a in order.authorizations):
        answer(one, responder, order)
    done = one.poll_and_finalize(order, soon())
    return josepy.ComparableX509(OpenSSL.crypto.load_certificate(OpenSSL.crypto.FILETYPE_PEM, done.fullchain_pem)), done, key


# ---- accounts ----


def test_accounts(ca):
    """A-51, A-52, A-54, A-57, A-60"""
    key = rsa_jwk()
    one = connect(ca, key)
    refused("accountDoesNotExist", one.new_account, agreeing(only_return_existing=True))
    for contact, kind in (("mailto:a@b.test,c@d.test", "invalidContact"), ("mailto:a@b.test?subject=x", "invalidContact"),
                          ("tel:+4912345", "unsupportedContact")):
        refused(kind, one.new_account, messages.NewRegistration(contact=(contact,), terms_of_service_agreed=True))
    account = one.new_account(agreeing())
    again = connect(ca, key)
    with pytest.raises(errors.ConflictError) as known:
        again.new_account(agreeing())
    assert known.value.location == account.uri
    assert again.query_registration(account).body.status == "valid"
    refused("invalidContact", again.update_registration, account, messages.Registration(contact=("mailto:@b.test",)))
    assert again.deactivate_registration(account).body.status == "deactivated"
    refused("unauthorized", one.new_order, csr_pem("dead.pyacme.test")[0])
    refused("unauthorized", connect(ca, key).new_account, agreeing())


@pytest.mark.parametrize("curve, alg", ((ec.SECP256R1, josepy.ES256), (ec.SECP384R1, josepy.ES384), (ec.SECP521R1, josepy.ES512)),
                         ids=("ES256", "ES384", "ES512"))
def test_algorithms(ca, responder, curve, alg):
    """A-22: a whole certificate by each"""
    one, _ = registered(ca, josepy.JWKEC(key=ec.generate_private_key(curve())), alg)
    assert issue(one, responder, f"{alg.name.lower()}.pyacme.test")[1].fullchain_pem


@pytest.mark.parametrize("alg", (josepy.RS384, josepy.RS512, josepy.PS256), ids=("RS384", "RS512", "PS256"))
def test_algorithms_that_are_not_taken(ca, alg):
    """A-23"""
    refused("badSignatureAlgorithm", connect(ca, alg=alg).new_account, agreeing())


def test_weak_keys(ca):
    """A-24"""
    refused("badPublicKey", connect(ca, rsa_jwk(1024)).new_account, agreeing())


def test_a_stranger_at_the_account(ca, holder):
    """A-27, A-28: another key with this account's URL"""
    thief = connect(ca)
    thief.net.account = holder.net.account
    refused("malformed", thief.new_order, csr_pem("stolen.pyacme.test")[0])
    ghost = connect(ca, holder.net.key)
    ghost.net.account = holder.net.account.update(uri=holder.net.account.uri[:-22] + "B" + "A" * 21)
    refused("accountDoesNotExist", ghost.new_order, csr_pem("ghost.pyacme.test")[0])


def test_nonces_that_are_refused(make_ca, responder_for):
    """A-35, A-38: of ten nonces three are refused, and the library gets on with the one in the answer; it does so once a request"""
    trouble = make_ca({"acme": {"nonce_reject_percent": 30}})
    for _ in range(20):  # a request whose second nonce is refused too is given up
        try:
            one = connect(trouble)
            account = one.new_account(agreeing())
            break
        except messages.Error as problem:
            assert problem.code == "badNonce"
    assert account.uri


# ---- orders ----


def test_names(holder):
    """A-74"""
    for name, kind in (("-a.pyacme.test", "malformed rejectedIdentifier"), ("pyacme.invalid-suffix", "rejectedIdentifier"), ("a..test", "malformed rejectedIdentifier")):
        with pytest.raises(messages.Error) as caught:
            holder.net.post(holder.directory["newOrder"], messages.NewOrder(identifiers=[messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name)]))
        assert caught.value.code in kind.split(), caught.value
    with pytest.raises(messages.Error) as caught:
        holder.net.post(holder.directory["newOrder"], messages.NewOrder(identifiers=[
            messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=n) for n in ("one.bad-suffix-a", "two.bad-suffix-b", "fine.pyacme.test")]))
    assert len(caught.value.subproblems) == 2


def test_finalize(ca, holder, responder):
    """A-113, A-114, A-115: too early, other names, an account's key; and it can still be finalized right"""
    pem, key = csr_pem("finalize.pyacme.test")
    order = holder.new_order(pem)
    refused("orderNotReady", holder.finalize_order, order, soon())
    answer(holder, responder, order)
    order = holder.poll_authorizations(order, soon())
    for bad in csr_pem("other.pyacme.test")[0], csr_pem("finalize.pyacme.test", "more.pyacme.test")[0], csr_pem("www.finalize.pyacme.test")[0]:
        refused("badCSR", holder.finalize_order, order.update(csr_pem=bad), soon())
    account_key = serialization.load_pem_private_key(holder.net.key.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), None)
    refused("badCSR", holder.finalize_order, order.update(csr_pem=csr_pem("finalize.pyacme.test", key=account_key)[0]), soon())
    done = holder.finalize_order(order, soon(), fetch_alternative_chains=True)
    assert done.fullchain_pem.count("BEGIN CERTIFICATE") == 2 and done.alternative_fullchains_pem == []
    stranger, _ = registered(ca)
    refused("unauthorized", stranger.net.post, done.body.certificate, None)
    refused("unauthorized", stranger.net.post, done.uri, None)


def test_wrong_answers(ca, holder, responder):
    """A-104, A-96: the library finds the error in the challenge"""
    order = holder.new_order(csr_pem("wrong.pyacme.test")[0])
    challenge = http01(order.authorizations[0])
    responder.tokens[challenge.chall.encode("token")] = "nonsense"
    holder.answer_challenge(challenge, challenge.response(holder.net.key))
    with pytest.raises(errors.ValidationError) as failed:
        holder.poll_and_finalize(order, soon())
    (authzr,) = failed.value.failed_authzrs
    assert authzr.body.status == messages.STATUS_INVALID and http01(authzr).error.code in ("unauthorized", "incorrectResponse")
    refused("malformed", holder.answer_challenge, challenge, challenge.response(holder.net.key))
    refused("orderNotReady", holder.finalize_order, order, soon())
    stranger, _ = registered(ca)
    refused("unauthorized", stranger.answer_challenge, challenge, challenge.response(stranger.net.key))


def test_given_up(holder):
    """A-94"""
    order = holder.new_order(csr_pem("given.pyacme.test")[0])
    assert holder.deactivate_authorization(order.authorizations[0]).body.status == messages.STATUS_DEACTIVATED
    challenge = http01(order.authorizations[0])
    refused("malformed", holder.answer_challenge, challenge, challenge.response(holder.net.key))
    with pytest.raises(messages.Error):
        holder.finalize_order(order, soon())


# ---- revocation ----


def test_revocation(ca, holder, responder):
    """A-124 to A-130"""
    leaf, _, key = issue(holder, responder, "revoke.pyacme.test")
    stranger, _ = registered(ca)
    refused("unauthorized", stranger.revoke, leaf, 0)
    for reason in 2, 6, 7, 8, 9, 10, 11:
        refused("badRevocationReason", holder.revoke, leaf, reason)
    holder.revoke(leaf, 4)
    refused("alreadyRevoked", holder.revoke, leaf, 4)
    second, _, key = issue(holder, responder, "key.revoke.pyacme.test")
    by_key = connect(ca, josepy.JWKEC(key=key), josepy.ES256)
    by_key.revoke(second, 1)
    refused("alreadyRevoked", by_key.revoke, second, 1)
    refused("badPublicKey", connect(ca, josepy.JWKEC(key=key), josepy.ES256).new_account, agreeing())


def test_certificates_of_others(ca, holder):
    """A-127"""
    with open(ca.ROOT_FILE, "rb") as f:
        root = josepy.ComparableX509(OpenSSL.crypto.load_certificate(OpenSSL.crypto.FILETYPE_PEM, f.read()))
    with pytest.raises(messages.Error) as caught:
        holder.revoke(root, 0)
    assert caught.value.code in ("malformed", "unauthorized")
