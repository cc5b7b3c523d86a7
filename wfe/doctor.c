#include "wfe/doctor.h"

#include <stdatomic.h>
#include <string.h>

#include "lib/rpc/client.h"
#include "wfe/page.h"
#include "wfe/routes.h"
#include "wfe/visits.h"

#define NAME_MAX_CHARS 255
#define AT_ONCE_MAX 2 /* each holds a worker while slow hosts are waited for */

static const char title[] = "What an order would meet";
static atomic_int running;

static int digit_of(uint8_t o)
{
	return o >= '0' && o <= '9'   ? o - '0'
	       : o >= 'a' && o <= 'f' ? o - 'a' + 10
	       : o >= 'A' && o <= 'F' ? o - 'A' + 10
	                              : -1;
}

/* One octet of application/x-www-form-urlencoded; -1: it ends or is broken. */
static int take_octet(struct bytes *in)
{
	if (in->n == 0) {
		return -1;
	}
	int o = *in->p;
	size_t n = 1;
	if (o == '%' && in->n >= 3 && digit_of(in->p[1]) >= 0 && digit_of(in->p[2]) >= 0) {
		o = digit_of(in->p[1]) << 4 | digit_of(in->p[2]);
		n = 3;
	}
	in->p += n;
	in->n -= n;
	return o;
}

/* name=... and nothing else, as the form sends it; blanks around it are a person's. */
static int name_of(struct acme *q, const char **ret)
{
	static const char prefix[] = "name=";
	struct bytes body = q->http->body;
	size_t n = sizeof(prefix) - 1;
	char name[NAME_MAX_CHARS + 1];
	size_t length = 0;
	if (body.n <= n || memcmp(body.p, prefix, n) != 0) {
		return FAIL(q->c, MALFORMED, "Give a name");
	}
	body.p += n;
	body.n -= n;
	for (int o = take_octet(&body); o >= 0; o = take_octet(&body)) {
		if (o == '+' || o == ' ') {
			continue;
		}
		if (o < ' ' || o > '~' || o == '&' || length == NAME_MAX_CHARS) {
			return FAIL(q->c, MALFORMED, "That is no name: it has letters, digits, hyphens and dots");
		}
		name[length++] = (char) o;
	}
	*ret = arena_text_n(q->c->arena, name, length);
	return length > 0 ? 0 : FAIL(q->c, MALFORMED, "Give a name");
}

static void add_form(struct buffer *b)
{
	buffer_add_text(b,
	    "<form method=\"post\" action=\"" DOCTOR_PATH "\">\n"
	    "<p><label>Name: <input name=\"name\" maxlength=\"255\" required></label>\n"
	    "<button type=\"submit\">Look</button></p>\n</form>\n"
	    "<p>This server looks up the name, connects to its web server and reads its CAA records, as it does for "
	    "an order. Each look is recorded. It may take a minute.</p>\n");
}

static void add_row(struct buffer *b, const struct finding *f)
{
	const char *cells[] = { f->level, f->about, f->text };
	buffer_add_text(b, "<tr>");
	for (size_t i = 0; i < COUNT_OF(cells); i++) {
		buffer_add_text(b, "<td>");
		page_add_escaped(b, cells[i]);
		buffer_add_text(b, "</td>");
	}
	buffer_add_text(b, "</tr>\n");
}

static void answer(struct acme *q, const struct diagnosis *diagnosis)
{
	struct buffer b;
	page_begin(&b, q->c->arena, title);
	buffer_add_text(&b, "<p>An order for <code>");
	page_add_escaped(&b, diagnosis->identifier.value == NULL ? "" : diagnosis->identifier.value);
	buffer_add_text(&b, diagnosis->ready ? "</code> would succeed by" : "</code> would fail");
	for (size_t i = 0; diagnosis->ready && i < diagnosis->methods.n; i++) {
		buffer_printf(&b, "%s %s", i == 0 ? "" : " or", diagnosis->methods.v[i]);
	}
	buffer_add_text(&b, ".</p>\n<table>\n");
	for (size_t i = 0; i < diagnosis->findings.n; i++) {
		add_row(&b, &diagnosis->findings.v[i]);
	}
	buffer_add_text(&b, "</table>\n");
	add_form(&b);
	page_end(q, &b, 200);
}

static int look(struct acme *q, struct diagnosis *ret)
{
	struct diagnose_request in = { NULL, false };
	TRY(name_of(q, &in.name));
	if (atomic_fetch_add(&running, 1) >= AT_ONCE_MAX) {
		atomic_fetch_sub(&running, 1);
		return FAIL(q->c, UNAVAILABLE, "Others are asking just now; try again in a minute");
	}
	int result = visits_admit(q->c, q->front->doctor_visits, q->remote.address);
	if (result == 0) {
		result = rpc_ra_diagnose(q->c, &in, ret);
	}
	atomic_fetch_sub(&running, 1);
	return result;
}

int doctor_serve(struct acme *q)
{
	struct diagnosis diagnosis = { .ready = false };
	struct buffer b;
	if (q->front->doctor_visits == NULL) {
		return FAIL(q->c, NOT_FOUND, "There is no such resource");
	}
	if (!page_acts(q)) {
		page_begin(&b, q->c->arena, title);
		add_form(&b);
		page_end(q, &b, 200);
	} else if (look(q, &diagnosis) != 0) {
		page_refuse(q, title);
	} else {
		answer(q, &diagnosis);
	}
	return 0;
}
