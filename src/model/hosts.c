/* hosts.c - see hosts.h. */
#include "model/hosts.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/tally.h"
#include <stdlib.h>
#include <string.h>

#define BUCKETS 8192u
#define LOOK    8u /* hosts of which one gives way */
#define NONE    UINT32_MAX

struct hosts {
	struct host host[HOSTS_MAX];
	uint64_t weight[HOSTS_MAX]; /* of each: the least of a few gives way */
	uint32_t next[HOSTS_MAX];   /* of the same bucket */
	uint32_t bucket[BUCKETS];
	uint32_t n, most, hand;
	struct host other;
	uint64_t given_up;
	const struct host *sorted[HOSTS_MAX + 1];
	struct hash_key key;
};

struct hosts *hosts_new(uint32_t most)
{
	struct hosts *h = xcalloc(1, sizeof(*h));

	h->most = most;
	h->other.other = true;
	memset(h->bucket, 0xff, sizeof(h->bucket));
	hash_key_draw(&h->key);
	return h;
}

void hosts_free(struct hosts *h)
{
	free(h);
}

static uint32_t *bucket(struct hosts *h, const struct addr *ip)
{
	return &h->bucket[hash_bytes(&h->key, 0, ip, sizeof(*ip)) % BUCKETS];
}

static void merge(struct host *to, const struct host *x)
{
	to->sent += x->sent;
	to->received += x->received;
	to->packets += x->packets;
	to->asked += x->asked;
	to->served += x->served;
	to->requests += x->requests;
	to->answers += x->answers;
	to->errors += x->errors;
	to->waited += x->waited;
	to->kept_waiting += x->kept_waiting;
	to->retransmits += x->retransmits;
	to->lost += x->lost;
}

static uint64_t weight(const struct host *x)
{
	return x->sent + x->received + x->requests + x->answers;
}

static uint32_t give_up(struct hosts *h)
{
	uint32_t least = h->hand, *link;

	for (uint32_t i = h->hand + 1; i < h->hand + LOOK; i++)
		least = h->weight[i] < h->weight[least] ? i : least;
	h->hand = (h->hand + LOOK) % h->most;
	link = bucket(h, &h->host[least].ip);
	while (*link != least)
		link = &h->next[*link];
	*link = h->next[least];
	merge(&h->other, &h->host[least]);
	h->given_up++;
	return least;
}

static bool same_addr(const struct addr *a, const struct addr *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return x[0] == y[0] && x[1] == y[1];
}

static uint32_t known(struct hosts *h, const struct addr *ip)
{
	uint32_t i = *bucket(h, ip);

	while (i != NONE && !same_addr(&h->host[i].ip, ip))
		i = h->next[i];
	return i;
}

static uint32_t find(struct hosts *h, const struct addr *ip)
{
	uint32_t *first, i = known(h, ip);

	if (i != NONE)
		return i;
	i = h->n < h->most ? h->n++ : give_up(h);
	first = bucket(h, ip);
	h->host[i] = (struct host){.ip = *ip};
	h->next[i] = *first;
	*first = i;
	return i;
}

static void add_flow(struct host *x, const struct flow_record *f, enum side side)
{
	const struct endpoint *self = side == SIDE_CLIENT ? &f->r.client : &f->r.server;
	const struct endpoint *peer = side == SIDE_CLIENT ? &f->r.server : &f->r.client;

	x->sent += self->bytes;
	x->received += peer->bytes;
	x->packets += self->packets + peer->packets;
	*(side == SIDE_CLIENT ? &x->asked : &x->served) += 1;
	x->retransmits += f->trouble[side].retransmits;
	x->lost += f->trouble[side].lost_in_capture;
}

static void add_request(struct host *x, const struct txn_record *t)
{
	x->requests++;
	x->waited += t->total != FIELD_ABSENT ? t->total : 0;
}

static void add_answer(struct host *x, const struct txn_record *t)
{
	x->answers += txn_answered(t);
	x->errors += txn_failed(t);
	x->kept_waiting += t->total != FIELD_ABSENT ? t->total : 0;
}

void hosts_record(struct hosts *h, const struct record *r)
{
	const struct flow_record *f = (const void *)r;
	const struct txn_record *t = (const void *)r;

	/* One may give way to the other: each is done with before the next is looked for. */
	for (int side = 0; side < 2; side++) {
		const struct addr *ip = side == SIDE_CLIENT ? &r->client.ip : &r->server.ip;
		bool flow = r->kind == RECORD_FLOW && f->final;
		uint32_t i;

		if (!flow && (r->kind != RECORD_TXN || r->composite))
			return;
		i = find(h, ip);
		if (flow)
			add_flow(&h->host[i], f, (enum side)side);
		else if (side == SIDE_CLIENT)
			add_request(&h->host[i], t);
		else
			add_answer(&h->host[i], t);
		h->weight[i] = weight(&h->host[i]);
	}
}

/* Where one gave way and came again it has less than what is taken out; the rest is the others'. */
static void less(uint64_t *n, uint64_t *others, uint64_t what)
{
	uint64_t here = what < *n ? what : *n;

	*n -= here;
	what -= here;
	*others -= what < *others ? what : *others;
}

void hosts_take_out(struct hosts *h, const struct txn_record *t)
{
	uint32_t c = known(h, &t->r.client.ip), s = known(h, &t->r.server.ip);
	struct host one = {0}, *client = c == NONE ? &h->other : &h->host[c],
		    *server = s == NONE ? &h->other : &h->host[s];

	add_request(&one, t);
	add_answer(&one, t);
	less(&client->requests, &h->other.requests, one.requests);
	less(&client->waited, &h->other.waited, one.waited);
	less(&server->answers, &h->other.answers, one.answers);
	less(&server->errors, &h->other.errors, one.errors);
	less(&server->kept_waiting, &h->other.kept_waiting, one.kept_waiting);
	if (c != NONE)
		h->weight[c] = weight(client);
	if (s != NONE)
		h->weight[s] = weight(server);
}

static int compare(const void *a, const void *b)
{
	const struct host *x = *(const struct host *const *)a, *y = *(const struct host *const *)b;

	if (x->sent + x->received != y->sent + y->received)
		return x->sent + x->received > y->sent + y->received ? -1 : 1;
	return memcmp(&x->ip, &y->ip, sizeof(x->ip));
}

unsigned hosts_sorted(struct hosts *h, const struct host ***list)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < h->n; i++)
		h->sorted[n++] = &h->host[i];
	qsort(h->sorted, n, sizeof(h->sorted[0]), compare);
	if (h->given_up)
		h->sorted[n++] = &h->other;
	*list = h->sorted;
	return n;
}

uint64_t hosts_given_up(const struct hosts *h)
{
	return h->given_up;
}
