/*
 * smtp_text.c - what SMTP lines are made of: verbs, paths and codes (RFC 5321, 4.1 and 4.2; RFC
 * 3463).
 */
#include "smtp.h"

/* What follows the verb: nothing, anything, a word, a digit, or the text itself. */
static const struct {
	const char *name, *rest;
} verbs[V_COUNT] = {
	[V_EHLO] = {"EHLO", "w"},
	[V_HELO] = {"HELO", "w"},
	[V_LHLO] = {"LHLO", "w"},
	[V_MAIL] = {"MAIL", "FROM:"},
	[V_RCPT] = {"RCPT", "TO:"},
	[V_DATA] = {"DATA", ""},
	[V_BDAT] = {"BDAT", "d"},
	[V_AUTH] = {"AUTH", "w"},
	[V_STARTTLS] = {"STARTTLS", ""},
	[V_RSET] = {"RSET", ""},
	[V_QUIT] = {"QUIT", ""},
	[V_NOOP] = {"NOOP", "*"},
	[V_VRFY] = {"VRFY", "w"},
	[V_EXPN] = {"EXPN", "w"},
	[V_HELP] = {"HELP", "*"},
	[V_ETRN] = {"ETRN", "w"},
};

enum verb smtp_verb_of(struct view w)
{
	for (int i = V_EHLO; i < V_COUNT; i++)
		if (view_is(&w, verbs[i].name))
			return (enum verb)i;
	return V_OTHER;
}

enum verb smtp_sure_command(struct view line)
{
	struct view rest = trimmed(line), w = word(&rest);
	enum verb verb = smtp_verb_of(w);
	const char *want = verbs[verb].rest;

	if (verb == V_OTHER || w.p != line.p)
		return V_NONE;
	switch (*want) {
	case '\0':
		return view_len(&rest) ? V_NONE : verb;
	case '*':
		return verb;
	case 'w':
		return view_len(&rest) && *rest.p > ' ' ? verb : V_NONE;
	case 'd':
		return view_len(&rest) && is_digit(*rest.p) ? verb : V_NONE;
	default:
		return begins(rest, want) ? verb : V_NONE;
	}
}

struct view smtp_path_of(struct view rest, size_t prefix, struct view *params)
{
	struct view a;
	const uint8_t *at;

	rest.p += prefix < view_len(&rest) ? prefix : view_len(&rest);
	rest = trimmed(rest);
	if (view_len(&rest) && *rest.p == '<') {
		bool quoted = false;

		rest.p++;
		for (at = rest.p; at < rest.end && (quoted || *at != '>'); at++) {
			if (*at == '"')
				quoted = !quoted;
			else if (*at == '\\' && quoted && at + 1 < rest.end)
				at++;
		}
		a = view_of(rest.p, (size_t)(at - rest.p), 0);
		rest.p = at < rest.end ? at + 1 : at;
		*params = trimmed(rest);
		if (view_len(&a) && *a.p == '@') {
			at = memchr(a.p, ':', view_len(&a));
			a.p = at ? at + 1 : a.p;
		}
		return a;
	}
	a = word(&rest);
	*params = rest;
	return a;
}

size_t smtp_copy(struct session *s, uint8_t *to, size_t max, struct view v)
{
	bool mask = tsm_mask_mail(s);
	size_t n = 0, local = 0; /* where the word begins that may be a local part */

	for (; v.p < v.end && n < max; v.p++) {
		if (mask && *v.p == '@') {
			n = local;
			for (const char *x = "xxxxx"; *x && n < max; x++)
				to[n++] = (uint8_t)*x;
			if (n == max)
				break;
		}
		to[n++] = *v.p;
		if (*v.p <= ' ' || strchr("<>()[],;:\"", *v.p))
			local = n;
	}
	return n;
}

void smtp_set_address(struct session *s, struct tsm_txn t, unsigned field, struct view v)
{
	uint8_t buf[320];

	if (!view_len(&v))
		tsm_str(t, field, text("<>"));
	else
		tsm_str(t, field, view_of(buf, smtp_copy(s, buf, sizeof(buf), v), 0));
}

struct view smtp_enhanced_code(struct view v, unsigned code)
{
	size_t n = 1;

	if (view_len(&v) < 5 || *v.p != '0' + code / 100)
		return nothing();
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;

		if (n == view_len(&v) || v.p[n++] != '.')
			return nothing();
		while (n < view_len(&v) && is_digit(v.p[n]) && digits < 3) {
			n++;
			digits++;
		}
		if (!digits)
			return nothing();
	}
	if (n < view_len(&v) && v.p[n] > ' ')
		return nothing();
	v.end = v.p + n;
	return v;
}

bool smtp_is_reply(struct view v)
{
	return view_len(&v) >= 3 && *v.p >= '1' && *v.p <= '5' && is_digit(v.p[1]) &&
	       is_digit(v.p[2]) && (view_len(&v) == 3 || v.p[3] == ' ' || v.p[3] == '-');
}
