/* identity.c - see identity.h. */
#include "out/identity.h"
#include "base/hash.h"
#include <stdio.h>
#include <unistd.h>

/* Ids are put out: this key is no secret, and the same everywhere. */
static const struct hash_key fixed = {
	{UINT64_C(0x9ae16a3b2f90404f), UINT64_C(0xc949c7defebb6c1d), UINT64_C(0xd6e8feb86659fd93)}};

static uint64_t hash_text(uint64_t seed, const char *text)
{
	return hash_bytes(&fixed, seed, text ? text : "", text ? strlen(text) + 1 : 0);
}

static void name_run(struct identity *d, uint64_t run)
{
	snprintf(d->run, sizeof(d->run), "%016llx", (unsigned long long)run);
	d->key[0] = hash_text(run, d->sensor);
	d->key[1] = hash_text(~run, d->sensor);
}

void identity_live(struct identity *d, const char *sensor)
{
	struct hash_key drawn = {{0}};

	hash_key_draw(&drawn);
	if (gethostname(d->name, sizeof(d->name)) == 0 && d->name[0]) {
		d->name[sizeof(d->name) - 1] = '\0';
		d->host = d->name;
	}
	d->sensor = sensor ? sensor : d->host;
	name_run(d, drawn.k[0]);
}

void identity_of_file(struct identity *d, const char *sensor, const char *filter)
{
	d->sensor = sensor;
	d->read = hash_text(1, filter);
}

void identity_first_frame(struct identity *d, const struct packet *k)
{
	uint64_t head[3] = {0};

	if (d->run[0])
		return;
	if (k) {
		head[0] = k->time;
		head[1] = k->len;
		head[2] = hash_bytes(&fixed, 0, k->data, k->caplen);
	}
	name_run(d, hash_bytes(&fixed, d->read, head, sizeof(head)));
}

/* What tells apart the records of one flow, or those of none. */
static uint64_t number_of(const struct record *r)
{
	const struct finding_record *x = (const struct finding_record *)r;

	if (r->kind == RECORD_FINDING)
		return hash_text(r->number, x->id);
	/* Of what is told again and again the place in the order of records says which time it is.
	 */
	if (r->kind == RECORD_EVENT || r->open ||
		(r->kind == RECORD_FLOW && !((const struct flow_record *)r)->final))
		return r->key;
	return 0;
}

void identity_event(const struct identity *d, const struct record *r, char *to)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint64_t what = (uint64_t)r->kind << 40 | (uint64_t)r->open << 32 | r->number;
	uint64_t where = hash_mix(r->start ^ d->key[0], r->flow_id ^ fixed.k[0]);
	uint64_t which = hash_mix(what ^ d->key[1], number_of(r) ^ fixed.k[1]);
	uint64_t bits[2] = {hash_mix(where ^ fixed.k[2], which ^ d->key[0]),
		hash_mix((r->start + which) ^ fixed.k[1], r->flow_id ^ d->key[1])};

	for (unsigned i = 0; i < IDENTITY_EVENT; i += 2, bits[0] >>= 8, bits[1] >>= 4) {
		unsigned twelve = (unsigned)(bits[0] & 0xff) << 4 | (unsigned)(bits[1] & 0xf);

		to[i] = digits[twelve >> 6];
		to[i + 1] = digits[twelve & 63];
	}
}
