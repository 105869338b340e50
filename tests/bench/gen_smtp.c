/*
 * Workload smtp: mail between servers (RFC 5321). One to three mails a connection, some recipients
 * refused, bodies of 1 KiB to 1 MiB.
 */
#include "gen.h"

enum { FLOWS = 1600, PEERS = 400 };

#define SPAN (60 * SEC)

enum stage {
	GREETING,
	EHLO,
	FEATURES,
	MAIL,
	MAIL_OK,
	RCPT,
	RCPT_OK,
	DATA,
	GO_AHEAD,
	BODY,
	QUEUED,
	QUIT,
	BYE
};

struct smtp {
	uint32_t mails_left, recipients_left, accepted;
	uint32_t peer;
	enum stage stage;
};

static void write_body(struct sim *sim, struct smtp *m, struct message *msg)
{
	const uint32_t lines = (uint32_t)rnd_octaves(sim, 16, 10);

	message_printf(msg, "From: user%u@peer%u.example.org\r\nTo: staff@example.com\r\n",
		m->mails_left, m->peer);
	message_printf(msg, "Subject: Report %u\r\nMessage-ID: <%u.%u@example.org>\r\n\r\n",
		rnd_below(sim, 10000), rnd_below(sim, 1000000), m->peer);
	for (uint32_t i = 0; i < lines; i++) {
		message_fill(sim, msg, FILL_TEXT, 60);
		message_printf(msg, "\r\n");
	}
	message_printf(msg, ".\r\n");
}

static void write_answer(struct sim *sim, struct smtp *m, struct message *msg)
{
	switch (m->stage) {
	case GREETING:
		message_printf(msg, "220 mx.example.com ESMTP Postfix\r\n");
		break;
	case FEATURES:
		message_printf(msg, "250-mx.example.com\r\n250-SIZE 10240000\r\n");
		message_printf(msg, "250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n");
		break;
	case RCPT_OK:
		if (rnd_chance(sim, 50000)) {
			message_printf(msg, "550 5.1.1 User unknown\r\n");
			break;
		}
		m->accepted++;
		message_printf(msg, "250 2.1.5 Ok\r\n");
		break;
	case GO_AHEAD:
		message_printf(msg, m->accepted ? "354 End data with <CR><LF>.<CR><LF>\r\n"
						: "554 5.5.1 No valid recipients\r\n");
		break;
	case QUEUED:
		sim_count(sim, "smtp.mails", 1);
		message_printf(msg, "250 2.0.0 Ok: queued as %08X\r\n", rnd_below(sim, 1 << 30));
		break;
	case BYE:
		message_printf(msg, "221 2.0.0 Bye\r\n");
		break;
	default:
		message_printf(msg, "250 2.1.0 Ok\r\n");
		break;
	}
}

static void write_command(struct sim *sim, struct smtp *m, struct message *msg)
{
	switch (m->stage) {
	case EHLO:
		message_printf(msg, "EHLO peer%u.example.org\r\n", m->peer);
		break;
	case MAIL:
		m->mails_left--;
		m->accepted = 0;
		m->recipients_left = (uint32_t)rnd_octaves(sim, 1, 3);
		message_printf(msg, "MAIL FROM:<user%u@peer%u.example.org> SIZE=%u\r\n",
			m->mails_left, m->peer, rnd_between(sim, 1000, 90000));
		break;
	case RCPT:
		m->recipients_left--;
		message_printf(msg, "RCPT TO:<staff%u@example.com>\r\n", rnd_below(sim, 500));
		break;
	case DATA:
		message_printf(msg, "DATA\r\n");
		break;
	case BODY:
		write_body(sim, m, msg);
		break;
	default:
		message_printf(msg, "QUIT\r\n");
		break;
	}
}

static enum stage after(const struct smtp *m)
{
	if (m->stage == RCPT_OK && m->recipients_left)
		return RCPT;
	if ((m->stage == GO_AHEAD && !m->accepted) || m->stage == QUEUED)
		return m->mails_left ? MAIL : QUIT;
	return m->stage + 1;
}

/* Even stages are the server's. */
static bool smtp_next(struct sim *sim, void *state, struct turn *turn)
{
	struct smtp *m = state;

	turn->from = m->stage % 2 ? CLIENT : SERVER;
	turn->think = rnd_octaves(sim, 100 * USEC, 5);
	if (m->stage > BYE) {
		turn->from = CLIENT;
		return false;
	}
	if (turn->from == SERVER)
		write_answer(sim, m, turn->msg);
	else
		write_command(sim, m, turn->msg);
	m->stage = after(m);
	return true;
}

static const struct script smtp_script = {.next = smtp_next};

static void smtp_open(struct sim *sim, uint32_t index)
{
	struct smtp *m = xcalloc(1, sizeof(*m));
	struct tcp_spec spec = tcp_usual(&smtp_script, m);

	m->mails_left = rnd_between(sim, 1, 3);
	m->peer = index % PEERS;
	/* Other servers from 10.7.0.0, the mail server 10.8.0.1. */
	spec.side[CLIENT] =
		endpoint_at(sim, 0x0a070000 + m->peer, 32768 + index / PEERS % 28000, 50);
	spec.side[SERVER] = endpoint_at(sim, 0x0a080001, 25, 64);
	spec.loop[SERVER] = rnd_octaves(sim, 50 * USEC, 2);
	spec.loop[CLIENT] = rnd_octaves(sim, 2 * MSEC, 5);
	spec.spacing = rnd_octaves(sim, 12 * USEC, 3);
	spec.max_window = (uint16_t)rnd_between(sim, 20, 64);
	spec.lost_before_tap = spec.lost_after_tap = 1000;
	tcp_open(sim, &spec);
}

void smtp_start(struct sim *sim)
{
	sim_arrivals(sim, sim_scaled(sim, FLOWS), sim_scaled(sim, SPAN), smtp_open);
}
