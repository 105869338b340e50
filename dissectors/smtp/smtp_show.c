/*
 * smtp_show.c - SMTP explained: commands and replies (RFC 5321, 4), a line each. What looks like
 * neither is a line of a message, or credentials.
 */
#include "smtp.h"
#include "show.h"

#define LINES_MAX 200u

static void command(struct show *s, struct view line)
{
	struct view rest = line, verb = word(&rest);

	if (smtp_sure_command(line) == V_NONE) {
		tsm_show_text(s, &smtp_fields[D_LINE], line);
		return;
	}
	tsm_show_text(s, &smtp_fields[D_COMMAND], verb);
	rest = trimmed(rest);
	if (view_len(&rest))
		tsm_show_text(s, &smtp_fields[D_PARAMETER], rest);
}

static void reply(struct show *s, struct view line)
{
	const uint8_t *p = line.p;

	if (view_len(&line) < 3 || !is_digit(p[0]) || !is_digit(p[1]) || !is_digit(p[2])) {
		tsm_show_text(s, &smtp_fields[D_LINE], line);
		return;
	}
	tsm_show_u64(s, &smtp_fields[D_CODE], p, 3,
		(p[0] - 48u) * 100u + (p[1] - 48u) * 10u + (p[2] - 48u));
	if (view_len(&line) > 4)
		tsm_show_text(s, &smtp_fields[D_TEXT], view_of(p + 4, view_len(&line) - 4, 0));
}

void smtp_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	struct view line;

	(void)p;
	for (unsigned i = 0; i < LINES_MAX && view_line(&v, &line); i++) {
		if (side == SIDE_CLIENT)
			command(s, line);
		else
			reply(s, line);
	}
	if (view_len(&v))
		tsm_show_u64(s, &smtp_fields[D_REST], v.p, view_len(&v), view_len(&v));
}
