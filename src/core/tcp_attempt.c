/*
 * tcp_attempt.c - how long a connection that never stood was waited for.
 *
 * A SYN that is not answered is sent again until something ends that: a reset, an ICMP error, or
 * the client gives up, of which no packet tells. It was then behind its last SYN and before the
 * next one was due (RFC 6298: the last gap once more, or twice as long). Programs' timeouts are
 * whole seconds: where one lies between the two that is taken, else what is least wrong at worst.
 */
#include "base/clock.h"
#include "core/handshake.h"
#include "core/tcp.h"

#define LINEAR 5u /* gaps of a second before Linux doubles them (tcp_syn_linear_timeouts) */

static uint64_t gap(const struct handshake *h, unsigned i)
{
	return h->syn[i].time - h->syn[i - 1].time;
}

static bool alike(uint64_t a, uint64_t b)
{
	return a < b + b / 2 && b < a + a / 2;
}

/* After how long without an answer the next SYN was due: at least, at most. */
static uint64_t next_due(const struct handshake *h, uint64_t *most)
{
	unsigned last = h->nsyn < SYNS_KEPT ? h->nsyn - 1 : SYNS_KEPT - 1, same = 1;
	uint64_t g = gap(h, last);

	if (h->nsyn > SYNS_KEPT) /* of those between nothing is kept, but they doubled */
		g = g / 3 * 2;
	while (same < last && alike(gap(h, last - same), g))
		same++;
	*most = 2 * g;
	return (same > 1 || last == 1) && same < LINEAR && h->nsyn <= SYNS_KEPT ? g : 2 * g;
}

/* The client gave up between the two. */
static uint64_t gave_up(uint64_t least, uint64_t most)
{
	uint64_t whole = (least + SECOND - 1) / SECOND * SECOND;

	if (whole < most && whole + SECOND >= most)
		return whole;
	if (most >= 2 * least && whole < most) /* hardly as soon as it had asked again */
		least = whole;
	return (uint64_t)(2.0 / (1.0 / (double)least + 1.0 / (double)most));
}

/* Refused, by the server or on the way. */
static uint64_t refused_at(const struct flow *f)
{
	if (f->state == FLOW_RESET)
		return flow_last(f);
	return f->state == FLOW_SYN && f->ext && f->ext->icmp_errors ? f->ext->icmp_time : 0;
}

struct attempt tcp_attempt(const struct flow *f, uint64_t capture_end)
{
	const struct handshake *h = handshake_of(f);
	uint64_t first = f->first, last = h && h->nsyn ? sent_latest(h)->time : first;
	uint64_t refused = refused_at(f), most;
	struct attempt a = {0};

	if (f->established || f->syn_ack || (h && h->simultaneous) ||
		!(f->side[flow_client(f)].flags & FS_SYN))
		return a;
	a.retry = a.total = last - first;
	if (refused > last)
		a.total = refused - first;
	if (refused || !h || h->nsyn < 2)
		return a;
	a.least = a.retry;
	a.retry = gave_up(a.retry, a.retry + next_due(h, &most));
	a.most = a.least + most;
	if (capture_end != FIELD_ABSENT) {
		a.pending = capture_end < last + most;
		if (capture_end - first < a.retry)
			a.retry = capture_end - first;
	}
	a.total = a.retry;
	if (a.pending || (capture_end != FIELD_ABSENT && capture_end - first < a.most))
		a.most = capture_end - first;
	return a;
}
