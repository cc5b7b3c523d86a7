/* link: wfe */
/* Nonces of other front ends: the one that made a nonce is asked, nobody else, and never for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/rpc/handlers.h"
#include "tests/unit/wfe_fake.h"

#define DIRECTORY "/directory"
#define OTHER "10.0.0.3:14100"

static struct peers *peers_of(const char *own, const char *salt)
{
	struct peers *peers = NULL;
	const char *addresses[] = { HERE, THERE, OTHER };
	const struct text_list all = { addresses, COUNT_OF(addresses) };
	assert_int_equal(peers_make(&t.c, t.c.arena, &all, own, bytes_of_text(salt), &peers), 0);
	return peers;
}

/* A nonce that the front end at the address made. */
static const char *nonce_from(const char *own, const char *salt)
{
	struct nonce_box *box = NULL;
	char text[NONCE_TEXT_SIZE];
	assert_int_equal(nonce_box_open(&t.c, NULL, peers_own(peers_of(own, salt)), &box), 0);
	nonce_make(box, text);
	nonce_box_free(box);
	return arena_text(t.c.arena, text);
}

static unsigned post_nonce(const char *nonce)
{
	return post(DIRECTORY, jws_of(&t.alice, header_kid(t.alice.kid, nonce, BASE DIRECTORY), ""));
}

static void names_follow_from_addresses(void **state)
{
	(void) state;
	struct peers *peers = NULL;
	const char *addresses[] = { HERE };
	const struct text_list one = { addresses, 1 };
	const struct text_list none = { addresses, 0 };
	const uint8_t *here = peers_own(peers_of(HERE, "salt"));
	assert_memory_equal(here, peers_own(t.front.peers), NONCE_INSTANCE_SIZE);
	assert_memory_not_equal(here, peers_own(peers_of(THERE, "salt")), NONCE_INSTANCE_SIZE);
	assert_memory_not_equal(here, peers_own(peers_of(HERE, "salz")), NONCE_INSTANCE_SIZE);
	/* The others would not find it. */
	assert_int_equal(peers_make(&t.c, t.c.arena, &one, THERE, bytes_of_text("salt"), &peers), -1);
	assert_non_null(strstr(t.c.err.detail, THERE));
	ctx_forgive(&t.c);
	assert_int_equal(peers_make(&t.c, t.c.arena, &none, HERE, bytes_of_text("salt"), &peers), -1);
	ctx_forgive(&t.c);
}

static void the_maker_decides(void **state)
{
	(void) state;
	static const char *const refused[] = { "used", "expired", "foreign", "unknown", "what is that?" };
	const char *nonce = nonce_from(THERE, "salt");
	t.peer_says = "good";
	assert_int_equal(post_nonce(nonce), 200);
	assert_string_equal(t.peer_address, THERE);
	assert_string_equal(t.peer_nonce, nonce);
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		t.peer_says = refused[i];
		(void) post_nonce(nonce_from(THERE, "salt"));
		assert_problem(400, "badNonce"); /* */
		assert_int_equal(post_nonce(answer_header("Replay-Nonce", "")), 200);
	}
	assert_int_equal(t.peer_asked, 1 + COUNT_OF(refused));
}

static void nobody_is_asked_without_need(void **state)
{
	(void) state;
	t.peer_says = "good";
	assert_int_equal(post_nonce(fresh_nonce()), 200);
	(void) post_nonce(nonce_from(OTHER, "salt")); /* not in our list */
	assert_problem(400, "badNonce");
	(void) post_nonce(nonce_from(THERE, "salz")); /* not of our CA */
	assert_problem(400, "badNonce");
	(void) post_nonce(nonce_from(HERE, "salt")); /* our name, another key: a copy of ours, or of before */
	assert_problem(400, "badNonce");
	(void) post_nonce("AAAA");
	assert_problem(400, "badNonce");
	assert_int_equal(t.peer_asked, 0);
}

/* also a nonce that comes in a broken request. */
static void a_broken_request_spends_it(void **state)
{
	(void) state;
	const char *nonce = nonce_from(THERE, "salt");
	const char *good = jws_of(&t.alice, header_kid(t.alice.kid, nonce, BASE DIRECTORY), "");
	t.peer_says = "good";
	(void) post(DIRECTORY, arena_printf(t.c.arena, "{\"broken\":1,\"header\":{},%s", good + 1));
	assert_problem(400, "malformed");
	assert_int_equal(t.peer_asked, 1);
	assert_string_equal(t.peer_nonce, nonce);
	/* What the maker says, or that it is away, does not change what is wrong with the request. */
	t.peer_says = NULL;
	(void) post(DIRECTORY, arena_printf(t.c.arena, "{\"broken\":1,\"header\":{},%s", good + 1));
	assert_problem(400, "malformed");
	assert_int_equal(t.peer_asked, 2);
}

/* it fails cleanly, and soon without waiting; when the maker is back it is asked again. */
static void one_that_is_away_is_left_alone(void **state)
{
	(void) state;
	for (size_t i = 0; i < 5; i++) {
		(void) post_nonce(nonce_from(THERE, "salt"));
		assert_problem(400, "badNonce");
		assert_null(strstr(t.body, THERE));
		assert_int_equal(t.peer_asked, 1);
	}
	t.peer_says = "good";
	int64_t start_us = clock_monotonic_us();
	while (t.peer_asked == 1) {
		assert_true(clock_monotonic_us() - start_us < 10 * INT64_C(1000000));
		(void) post_nonce(nonce_from(THERE, "salt"));
		usleep(20000);
	}
	assert_true(clock_monotonic_us() - start_us > 250000);
	assert_int_equal(t.status, 200);
	assert_int_equal(post_nonce(nonce_from(THERE, "salt")), 200);
	assert_int_equal(t.peer_asked, 3);
}

static void what_the_others_ask(void **state)
{
	(void) state;
	struct redeem_nonce_response answer;
	struct redeem_nonce_request request = { fresh_nonce() };
	assert_int_equal(wfe_redeem_nonce_serve(&t.c, &request, &answer), 0);
	assert_string_equal(answer.verdict, "good");
	assert_int_equal(wfe_redeem_nonce_serve(&t.c, &request, &answer), 0);
	assert_string_equal(answer.verdict, "used");
	(void) post_nonce(request.nonce);
	assert_problem(400, "badNonce"); /* redeemed there is used here */
	request.nonce = nonce_from(THERE, "salt");
	assert_int_equal(wfe_redeem_nonce_serve(&t.c, &request, &answer), 0);
	assert_string_equal(answer.verdict, "foreign"); /* never passed on */
	assert_int_equal(t.peer_asked, 0);
	request.nonce = "";
	assert_int_equal(wfe_redeem_nonce_serve(&t.c, &request, &answer), 0);
	assert_string_equal(answer.verdict, "unknown");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(names_follow_from_addresses),
		CASE(the_maker_decides),
		CASE(nobody_is_asked_without_need),
		CASE(a_broken_request_spends_it),
		CASE(one_that_is_away_is_left_alone),
		CASE(what_the_others_ask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
