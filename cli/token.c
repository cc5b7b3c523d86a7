#include "cli/token.h"

#include <stdio.h>
#include <string.h>

#include "cli/operator.h"
#include "lib/base/sandbox.h"
#include "lib/crypto/token.h"

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

static int log_in(struct ctx *c, const struct config_token *config, struct answer *ret)
{
	struct secret pin;
	struct token *token = NULL;
	enum token_trouble trouble;
	TRY(sandbox_no_dump(c));
	TRY(get_pin(c, config, &pin));
	int result = token_open(c, config, &pin, true, &token, &trouble);
	secret_done(&pin);
	TRY(result);
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
		answer.ready = token_describe(c, &config->ca.token, &answer.token);
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
