/*
 * Workload nfs: clients and a file server (NFS version 3, RFC 1813, over ONC RPC, RFC 5531, with
 * record marking). Long-lived mounts; GETATTR, LOOKUP and ACCESS, reads and writes of 4 to 64 KiB.
 */
#include "gen.h"

#include <stdlib.h>
#include <string.h>

enum { FLOWS = 32, CALLS = 64000 };

#define SPAN (2 * SEC)

enum { NFS_PROGRAM = 100003, AUTH_SYS = 1 };
enum { GETATTR = 1, LOOKUP = 3, ACCESS = 4, READ = 6, WRITE = 7 };
enum { HANDLE = 32, NF3REG = 1, UNSTABLE = 0 };

struct xdr {
	uint8_t bytes[512];
	size_t len;
};

struct nfs {
	uint32_t calls_left;
	uint32_t client;
	uint32_t xid;
	uint32_t procedure;
	uint32_t file;
	uint32_t count; /* of a READ or WRITE */
	bool called;
};

static void put_u32(struct xdr *x, uint32_t v)
{
	if (x->len + 4 > sizeof(x->bytes))
		die("RPC header too long");
	put_be32(x->bytes + x->len, v);
	x->len += 4;
}

static void put_u64(struct xdr *x, uint64_t v)
{
	put_u32(x, (uint32_t)(v >> 32));
	put_u32(x, (uint32_t)v);
}

static void put_opaque(struct xdr *x, const char *bytes, uint32_t n)
{
	const uint32_t padded = (n + 3) / 4 * 4;

	put_u32(x, n);
	if (x->len + padded > sizeof(x->bytes))
		die("RPC header too long");
	memset(x->bytes + x->len, 0, padded);
	memcpy(x->bytes + x->len, bytes, n);
	x->len += padded;
}

static void put_handle(struct xdr *x, uint32_t file)
{
	char handle[HANDLE] = "bench";

	put_be32((uint8_t *)handle + 8, file);
	put_opaque(x, handle, HANDLE);
}

/* Header and, behind it, n bytes of data, as one record of one fragment. */
static void end_record(struct sim *sim, struct message *msg, const struct xdr *x, uint32_t n)
{
	uint8_t mark[4];

	put_be32(mark, 0x80000000u | (uint32_t)(x->len + (n + 3) / 4 * 4));
	message_bytes(msg, mark, sizeof(mark));
	message_bytes(msg, x->bytes, x->len);
	message_fill(sim, msg, FILL_BINARY, (n + 3) / 4 * 4);
}

static void put_call(struct nfs *f, struct xdr *x)
{
	put_u32(x, ++f->xid);
	put_u32(x, 0); /* CALL */
	put_u32(x, 2);
	put_u32(x, NFS_PROGRAM);
	put_u32(x, 3);
	put_u32(x, f->procedure);
	put_u32(x, AUTH_SYS);
	put_u32(x, 4 + 4 + 12 + 8 + 4); /* stamp, name, user and group, no more groups */
	put_u32(x, 0);
	put_opaque(x, "client01.lan", 12);
	put_u32(x, 1000);
	put_u32(x, 1000);
	put_u32(x, 0); /* no more groups */
	put_u64(x, 0); /* AUTH_NONE */
}

static void pick_call(struct sim *sim, struct nfs *f)
{
	static const uint32_t procedures[] = {
		GETATTR, GETATTR, GETATTR, LOOKUP, LOOKUP, ACCESS, ACCESS, READ, READ, WRITE};

	f->procedure = procedures[rnd_below(sim, sizeof(procedures) / sizeof(procedures[0]))];
	f->file = rnd_below(sim, 20000);
	f->count = 4096u << rnd_below(sim, 5);
}

static void write_call(struct sim *sim, struct nfs *f, struct message *msg)
{
	struct xdr x = {.len = 0};
	uint32_t data = 0;

	pick_call(sim, f);
	sim_count(sim, "nfs.calls", 1);
	put_call(f, &x);
	put_handle(&x, f->file);
	switch (f->procedure) {
	case LOOKUP:
		put_opaque(&x, "report-2023.txt", 15);
		break;
	case ACCESS:
		put_u32(&x, 0x1f);
		break;
	case READ:
		put_u64(&x, (uint64_t)rnd_below(sim, 1000) * f->count);
		put_u32(&x, f->count);
		break;
	case WRITE:
		put_u64(&x, (uint64_t)rnd_below(sim, 1000) * f->count);
		put_u32(&x, f->count);
		put_u32(&x, UNSTABLE);
		put_u32(&x, f->count);
		data = f->count;
		break;
	default:
		break;
	}
	end_record(sim, msg, &x, data);
}

/* fattr3 */
static void put_attributes(struct nfs *f, struct xdr *x)
{
	put_u32(x, NF3REG);
	put_u32(x, 0644);
	put_u32(x, 1);
	put_u32(x, 1000);
	put_u32(x, 1000);
	put_u64(x, (uint64_t)f->count * 1000); /* size, used */
	put_u64(x, (uint64_t)f->count * 1000);
	put_u64(x, 0); /* rdev */
	put_u64(x, 7); /* fsid */
	put_u64(x, f->file);
	for (int i = 0; i < 3; i++)
		put_u64(x, UINT64_C(1700000000) << 32 | f->file);
}

static void write_reply(struct sim *sim, struct nfs *f, struct message *msg)
{
	struct xdr x = {.len = 0};
	uint32_t data = 0;

	put_u32(&x, f->xid);
	put_u32(&x, 1); /* REPLY, MSG_ACCEPTED, AUTH_NONE, SUCCESS */
	put_u32(&x, 0);
	put_u64(&x, 0);
	put_u32(&x, 0);
	if (f->procedure == LOOKUP && rnd_chance(sim, 50000)) {
		put_u32(&x, 2); /* NFS3ERR_NOENT, and no attributes of the folder */
		put_u32(&x, 0);
		end_record(sim, msg, &x, 0);
		return;
	}
	put_u32(&x, 0);
	if (f->procedure == LOOKUP)
		put_handle(&x, f->file + 1);
	if (f->procedure == WRITE)
		put_u32(&x, 0); /* no attributes from before */
	if (f->procedure != GETATTR)
		put_u32(&x, 1);
	put_attributes(f, &x);
	switch (f->procedure) {
	case LOOKUP:
		put_u32(&x, 0);
		break;
	case ACCESS:
		put_u32(&x, 0x1f);
		break;
	case READ:
		put_u32(&x, f->count);
		put_u32(&x, 0);
		put_u32(&x, f->count);
		data = f->count;
		break;
	case WRITE:
		put_u32(&x, f->count);
		put_u32(&x, UNSTABLE);
		put_u64(&x, 42);
		break;
	default:
		break;
	}
	end_record(sim, msg, &x, data);
}

static bool nfs_next(struct sim *sim, void *state, struct turn *turn)
{
	struct nfs *f = state;

	if (f->called) {
		f->called = false;
		turn->from = SERVER;
		turn->think = rnd_octaves(sim, 30 * USEC, 6);
		write_reply(sim, f, turn->msg);
		return true;
	}
	turn->from = CLIENT;
	turn->think = rnd_exp(sim, 500 * USEC);
	if (!f->calls_left--)
		return false;
	f->called = true;
	write_call(sim, f, turn->msg);
	return true;
}

static const struct script nfs_script = {.next = nfs_next};

static void nfs_open(struct sim *sim, uint32_t index)
{
	struct nfs *f = xcalloc(1, sizeof(*f));
	struct tcp_spec spec = tcp_usual(&nfs_script, f);

	f->calls_left = rnd_between(sim, CALLS / FLOWS / 2, CALLS / FLOWS * 3 / 2);
	f->client = index;
	f->xid = (uint32_t)rnd(sim);
	/* Clients from 10.5.0.0, the server 10.6.0.1; ports below 1024 as a kernel's mount has. */
	spec.side[CLIENT] = endpoint_at(sim, 0x0a050000 + index % 200, 700 + index % 300, 64);
	spec.side[SERVER] = endpoint_at(sim, 0x0a060001, 2049, 64);
	spec.loop[SERVER] = rnd_octaves(sim, 20 * USEC, 2);
	spec.loop[CLIENT] = rnd_octaves(sim, 50 * USEC, 2);
	spec.spacing = rnd_octaves(sim, 2 * USEC, 2);
	spec.max_window = 64;
	spec.lost_before_tap = spec.lost_after_tap = 100;
	tcp_open(sim, &spec);
}

void nfs_start(struct sim *sim)
{
	sim_arrivals(sim, sim_scaled(sim, FLOWS), sim_scaled(sim, SPAN), nfs_open);
}
