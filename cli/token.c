#include "cli/token.h"

#include <stdio.h>
#include <string.h>

#include "cli/operator.h"
#include "lib/base/sandbox.h"
#include "lib/crypto/token.h"
#include "lib/crypto/token_refusal.h"

static const char usage[] = "Usage: cairn token --config FILE [--json]\n"
                            "       cairn token login --config FILE [--json]\n"
                            "\n"
                            "Tells in which slot the token of ca.token is and how its PIN stands, without a login.\n"
                            "login: logs in once, by the PIN of ca.token.pin_file, else by one that you type, and "
                            "lists the keys of the token.\n"
                            "After a wrong PIN nothing logs in unattended until this was done with the right one.\n"
                            "Exit code 0: all is well; 1: a person has to do something.\n"
                            "\n"
                            "  --config FILE  the configuration; may stand again, each laid over the one before\n"
                            "  --json         one line of JSON\n";

struct answer {
	bool ready;
	const char *token;
	struct text_list keys;
};
static const struct field answer_field[] = {
	FIELD(struct answer, ready),
	FIELD(struct answer, token),
	FIELD(struct answer, keys),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

/* The PIN of the configuration, or of the person at the terminal. A credential of systemd is not within reach here. */
static int get_pin(struct ctx *c, const struct config_token *config, struct secret *ret)
{
	const struct secret_source source = { "the PIN of the token", config->pin_file, NULL };
	return source.file == NULL ? secret_ask(c, source.what, ret) : secret_read(c, &source, ret);
}

/* It was the same as the one that cairn-ca would give: no start has to find out again. */
static void keep_refusal(struct ctx *c, const struct config_token *config, const struct secret *pin)
{
	const struct err refused = c->err;
	struct token_refusal r = { .fd = -1 };
	if (token_refusal_open(c, config, false, &r) != 0 || token_refusal_note(c, &r, pin) != 0) {
		ctx_forgive(c); /* a person has seen it */
	}
	token_refusal_close(&r);
	c->err = refused;
}

static int forget_refusal(struct ctx *c, const struct config_token *config)
{
	struct token_refusal r = { .fd = -1 };
	int result = token_refusal_open(c, config, false, &r);
	result = result == 0 ? token_refusal_forget(c, &r) : result;
	token_refusal_close(&r);
	return result;
}

/* What stands in pin_file was refused before: cairn-ca will not give it. */
static bool is_refused(struct ctx *c, const struct config_token *config)
{
	const struct secret_source source = { "the PIN of the token", config->pin_file, NULL };
	struct token_refusal r = { .fd = -1 };
	struct secret pin = { NULL, 0 };
	bool refused = source.file != NULL && token_refusal_open(c, config, false, &r) == 0 && r.fd >= 0 &&
	               secret_read(c, &source, &pin) == 0 && token_refusal_is(&r, &pin);
	secret_done(&pin);
	token_refusal_close(&r);
	ctx_forgive(c);
	return refused;
}

static void describe(struct ctx *c, const struct config_token *config, struct answer *ret)
{
	ret->ready = token_describe(c, config, &ret->token);
	if (ret->ready && is_refused(c, config)) {
		ret->ready = false;
		ret->token =
		    arena_printf(c->arena, "%s; but it refused before what stands in %s, which cairn-ca does not give again",
		        ret->token, config->pin_file);
	}
}

static int log_in(struct ctx *c, const struct config_token *config, struct answer *ret)
{
	struct secret pin;
	struct token *token = NULL;
	enum token_trouble trouble;
	TRY(sandbox_no_dump(c));
	TRY(get_pin(c, config, &pin));
	int result = token_open(c, config, &pin, true, &token, &trouble);
	if (result != 0 && trouble == TOKEN_REFUSED) {
		keep_refusal(c, config, &pin);
	}
	secret_done(&pin);
	TRY(result);
	if (forget_refusal(c, config) != 0) {
		token_close(token);
		return -1;
	}
	ret->ready = true;
	ret->token = arena_printf(c->arena, "%s took the PIN", token_where(token));
	result = token_list(c, token, &ret->keys);
	token_close(token);
	return result;
}

static int act(struct ctx *c, const struct operator_options *o, bool login)
{
	struct config *config = NULL;
	struct answer answer = { .ready = false };
	int result = config_load(c, o->files.v, o->files.n, &config);
	if (result == 0) {
		arena_on_free(c->arena, (void (*)(void *)) config_free, config);
		result = config->ca.token.module == NULL ? FAIL(c, MALFORMED, "The configuration has no ca.token.module") : 0;
	}
	if (result == 0 && login) {
		result = log_in(c, &config->ca.token, &answer);
	} else if (result == 0) {
		describe(c, &config->ca.token, &answer);
	}
	if (result != 0) {
		operator_complain(c, "token");
		return 1;
	}
	if (o->json) {
		operator_print(c->arena, &answer_fields, &answer);
	} else {
		printf("The %s.\n", answer.token);
		for (size_t i = 0; i < answer.keys.n; i++) {
			printf("  %s\n", answer.keys.v[i]);
		}
	}
	return answer.ready ? 0 : 1;
}

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool take_option(void *request, int opt)
{
	return operator_option(request, opt);
}

static const struct operator_command command = { "token", usage, options, take_option };

static int choose(struct ctx *c, int argc, char **argv)
{
	struct operator_options o = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } };
	int code = operator_read(&command, argc, argv, &o);
	if (code >= 0) {
		return code;
	}
	bool login = optind < argc && strcmp(argv[optind], "login") == 0;
	if (optind + (login ? 1 : 0) != argc) {
		return operator_misused(&command, "the only word is login");
	}
	return o.files.n == 0 ? operator_misused(&command, "--config is missing") : act(c, &o, login);
}

int cli_token(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
