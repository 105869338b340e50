/* report_line.c - see report_impl.h. */
#include "out/report_impl.h"
#include "api/layer.h"
#include <netdb.h>

void report_line(struct report *r)
{
	fwrite(r->t.p, 1, r->t.len, r->out);
	fputc('\n', r->out);
	text_clear(&r->t);
}

/* Where a line has to be broken to fit: behind the last blank that leaves room, past its indent. */
static size_t break_at(const char *p, size_t n, size_t width)
{
	size_t at = 0, from = 0, columns;

	if (text_columns(p, n) <= width)
		return n;
	while (from < n && p[from] == ' ')
		from++;
	columns = from;
	for (size_t i = from; i < n && (!at || columns <= width); i++) {
		if (p[i] == ' ')
			at = i;
		columns += text_columns(p + i, 1);
	}
	return at ? at : n;
}

void report_text(struct report *r, size_t indent)
{
	const char *p = r->t.p;
	size_t left = r->t.len, width = r->o.width;

	while (r->wrap) {
		size_t n = break_at(p, left, width);

		if (n == left)
			break;
		fwrite(p, 1, n, r->out);
		fprintf(r->out, "\n%*s", (int)indent, "");
		p += n + 1;
		left -= n + 1;
		width = r->o.width - indent;
	}
	fwrite(p, 1, left, r->out);
	fputc('\n', r->out);
	text_clear(&r->t);
}

void report_heading(struct report *r, const char *s)
{
	fputc('\n', r->out);
	fprintf(r->out, r->o.colour ? "\033[1m%s\033[0m\n" : "%s\n", s);
}

void report_to(struct report *r, size_t column)
{
	size_t now = text_columns(r->t.p, r->t.len);

	text_fill(&r->t, ' ', now < column ? column - now : 1);
}

void report_right(struct report *r, const struct text *what, size_t column)
{
	size_t now = text_columns(r->t.p, r->t.len), n = text_columns(what->p, what->len);

	text_fill(&r->t, ' ', now + n < column ? column - now - n : 1);
	text_put(&r->t, what->p, what->len);
}

void report_count(struct report *r, uint64_t n, const char *what)
{
	if (!n)
		return;
	if (r->t.len > 2)
		text_str(&r->t, ", ");
	text_count(&r->t, n);
	text_char(&r->t, ' ');
	text_str(&r->t, what);
}

/* What /etc/services calls a port. It is read anew for each, so those asked last are remembered. */
static const char *port_name(struct report *r, uint16_t port, bool udp)
{
	struct report_port *x = &r->port[port % REPORT_PORTS];
	const struct servent *e;

	if (!x->asked || x->port != port || x->udp != udp) {
		e = getservbyport(htons(port), udp ? "udp" : "tcp");
		*x = (struct report_port){.port = port, .udp = udp, .asked = true};
		snprintf(x->name, sizeof(x->name), "%s", e ? e->s_name : "");
	}
	return x->name[0] ? x->name : NULL;
}

void report_service(struct report *r, const struct service *x)
{
	const char *name = NULL;
	bool udp = x->transport == IP_PROTO_UDP;

	text_str(&r->t, "  ");
	if (x->other) {
		text_str(&r->t, "other");
		return;
	}
	text_endpoint(&r->t, &x->ip, x->port);
	text_char(&r->t, ' ');
	if (!x->protocol && !r->o.numeric)
		name = port_name(r, x->port, udp);
	if (x->protocol)
		text_escape(&r->t, x->protocol, strlen(x->protocol), 16);
	else if (name)
		text_printf(&r->t, "(%s)", name);
	else
		text_str(&r->t, udp ? "udp" : "tcp");
}

size_t report_service_columns(struct report *r, const struct service **list, unsigned n)
{
	size_t most = r->o.width < 100 ? 10 : 34;

	for (unsigned i = 0; i < n && i < REPORT_TOP; i++) {
		size_t len;

		report_service(r, list[i]);
		len = text_columns(r->t.p, r->t.len);
		most = len > most ? len : most;
		text_clear(&r->t);
	}
	return most;
}

void report_more(struct report *r, unsigned more)
{
	if (!more)
		return;
	text_str(&r->t, "  and ");
	text_count(&r->t, more);
	text_str(&r->t, " more");
	report_line(r);
}
