/*
 * stale.c - requests on a connection that the server had closed.
 *
 * A client keeps a connection for its next request, the server closes it after a while without one,
 * and the two meet: the request comes behind the server's FIN, or crosses it, or meets a host that
 * knows nothing of the connection any more. It is lost, and answered by a reset at best. That is
 * neither a crash nor a refusal.
 */
#include "core/stale.h"
#include "api/layer.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/tcp.h"
#include "core/turns.h"
#include "core/txn.h"

#define IDLE       (5000u * (uint64_t)MS) /* without anything said: long enough to be forgotten */
#define TLS_ALERT  0x15u
#define TLS_DATA   0x17u
#define TLS_MAJOR  3u
#define ALERT_MOST 31u /* bytes of an encrypted alert */

/* Had the server not got the request when it sent this? */
static bool not_arrived(const struct flow *f, const struct txn *t, const struct packet *p)
{
	const struct flow_side *c = &f->side[flow_client(f)];
	int32_t missing = seq_diff(c->nxt, p->tcp_ack) - ((c->flags & FS_FIN) != 0);

	return t->marks & 1 && !(t->marks & 4) && missing > 0 &&
	       t->offset[0] + (uint32_t)missing >= f->session->side[SIDE_CLIENT].pos;
}

void stale_on_fin(struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_app *a = flow_app(f);
	struct flow_turns *turns = flow_session(f) ? NULL : flow_turns(f);

	if ((f->ext || (a && flow_app_is_known(a))) && !(f->ext && f->ext->closed) &&
		!(a && a->closed))
		*(a ? &a->closed : &f->ext->closed) = p->time;
	if (turns && !turns->closed)
		turns->closed = p->time;
	if (!flow_session(f) || side_of(f, dir) != SIDE_SERVER)
		return;
	f->session->server_fin = p->time;
	if (p->tcp_flags & TCP_ACK)
		for (struct txn *t = f->session->first; t; t = t->next)
			t->stale |= not_arrived(f, t, p);
}

bool stale_request(const struct session *s, uint64_t time)
{
	const struct flow *f = s->flow;

	return f->proto == IP_PROTO_TCP && f->side[!flow_client(f)].flags & FS_FIN &&
	       time >= s->server_fin;
}

/* What a client of TLS says at the end, encrypted or not. */
static bool is_alert(const struct packet *p)
{
	return p->paylen > 1 && p->payload[1] == TLS_MAJOR &&
	       (p->payload[0] == TLS_ALERT ||
		       (p->payload[0] == TLS_DATA && p->paylen + p->paycut <= ALERT_MOST));
}

void stale_on_data(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	bool is_read = flow_session(f) && f->session->d;

	if (!is_read && side_of(f, dir) == SIDE_CLIENT && !is_alert(p))
		flow_need_ext(sh, f)->stale = 1;
}

/*
 * A host that does not know the connection answers with a reset that acknowledges nothing
 * (RFC 9293, 3.10.7.1). Not so a program that gives a request up, nor one that ends.
 */
static bool forgotten(
	const struct flow *f, const struct txn *t, const struct packet *p, uint64_t soon)
{
	return !(p->tcp_flags & TCP_ACK) && t->marks & 1 && !(t->marks & 4) &&
	       f->payload[!flow_client(f)] && f->session->last_response &&
	       t->stamp[0] >= f->session->last_response + IDLE && p->time - t->stamp[0] <= soon &&
	       seq_diff(f->side[!flow_client(f)].ack, f->side[flow_client(f)].nxt) < 0;
}

bool stale_on_reset(struct flow *f, const struct packet *p, unsigned dir, uint64_t soon)
{
	bool stale = f->ext && f->ext->stale;

	if (side_of(f, dir) != SIDE_SERVER)
		return false;
	for (struct txn *t = flow_session(f) ? f->session->first : NULL; t; t = t->next) {
		t->stale |= (p->tcp_flags & TCP_ACK && not_arrived(f, t, p)) ||
			    forgotten(f, t, p, soon);
		stale |= t->stale;
	}
	return stale;
}
