/*
 * Workloads small and flood: what costs a flow table most.
 *
 * small: every frame has the Ethernet minimum of 60 bytes. Half of the flows are UDP dialogues,
 * half TCP connections with a few bytes each way; each flow idles most of its 8 to 32 seconds, so
 * hundreds of thousands are live and neighbouring packets belong to different flows.
 *
 * flood: one SYN a flow, from random sources to one server.
 */
#include "gen.h"

#include <stdlib.h>

enum { FLOWS = 1000000, CLIENTS = 16384, FLOOD_FLOWS = 200000 };
enum { TCP_BYTES = 6, UDP_BYTES = 18 };

#define SPAN       (60 * SEC)
#define FLOOD_SPAN (2 * SEC)

struct udp {
	struct actor actor; /* first */
	struct sim *sim;
	struct endpoint side[2];
	uint64_t gap;
	uint32_t packets_left;
};

static uint64_t pick_gap(struct sim *sim, uint32_t exchanges)
{
	return rnd_between(sim, 8000, 32000) * MSEC / exchanges;
}

/* Half to one and a half of the mean. */
static uint64_t around(struct sim *sim, uint64_t mean)
{
	return mean / 2 + mean * (rnd(sim) >> 44) / (1 << 20);
}

static void pick_endpoints(
	struct sim *sim, uint32_t index, uint16_t server_port, struct endpoint side[2])
{
	const uint32_t client = index * 2654435761U % CLIENTS;

	const uint32_t server = rnd_below(sim, 4096);

	/* Clients from 10.2.0.0, servers from 198.18.0.0. */
	side[CLIENT] =
		endpoint_at(sim, 0x0a020000 + client * 5, 32768 + client + index / CLIENTS, 60);
	side[SERVER] = endpoint_at(sim, 0xc6120000 + server, server_port, 64);
}

static void udp_handle(struct sim *sim, struct actor *actor, const struct event *ev)
{
	struct udp *u = (struct udp *)actor;
	const int from = u->packets_left % 2 ? SERVER : CLIENT;
	const size_t len = rnd_between(sim, 1, UDP_BYTES);
	uint8_t frame[FRAME_MAX], *p = frame_udp_payload(frame);
	uint64_t wait;

	for (size_t i = 0; i < len; i++)
		p[i] = sim->fill[FILL_TEXT]
				[(u->packets_left * 64 + i + u->side[0].port) % FILL_SIZE];
	sim_write(sim, frame, frame_udp(frame, &u->side[from], &u->side[!from], len));
	if (!--u->packets_left)
		return;
	wait = from == CLIENT ? rnd_octaves(sim, 200 * USEC, 7) : around(sim, u->gap);
	sim_push(sim, actor, (struct event){.time = ev->time + wait});
}

static void udp_release(struct actor *actor)
{
	flow_ended(((struct udp *)actor)->sim);
	free(actor);
}

static void udp_open(struct sim *sim, uint32_t index)
{
	static const uint16_t ports[] = {27015, 51820, 30000, 9993};
	struct udp *u = xcalloc(1, sizeof(*u));
	const uint32_t exchanges = rnd_between(sim, 2, 8);

	u->sim = sim;
	u->actor.handle = udp_handle;
	u->actor.release = udp_release;
	u->packets_left = exchanges * 2;
	u->gap = pick_gap(sim, exchanges);
	pick_endpoints(sim, index, ports[rnd_below(sim, 4)], u->side);
	sim_count(sim, "udp.flows", 1);
	flow_began(sim);
	sim_push(sim, &u->actor, (struct event){.time = sim->now});
}

struct tiny {
	uint64_t gap;
	uint32_t messages_left;
	bool begun;
};

static bool tiny_next(struct sim *sim, void *state, struct turn *turn)
{
	struct tiny *t = state;

	turn->from = t->messages_left % 2 ? SERVER : CLIENT;
	if (turn->from == SERVER)
		turn->think = rnd_octaves(sim, 200 * USEC, 7);
	else
		turn->think = t->begun ? around(sim, t->gap) : rnd_octaves(sim, 20 * USEC, 4);
	t->begun = true;
	if (!t->messages_left)
		return false;
	t->messages_left--;
	message_fill(sim, turn->msg, FILL_TEXT, rnd_between(sim, 1, TCP_BYTES));
	return true;
}

static const struct script tiny_script = {.next = tiny_next};

static void tiny_open(struct sim *sim, uint32_t index)
{
	static const uint16_t ports[] = {443, 9000, 8333, 9001};
	const uint32_t exchanges = rnd_below(sim, 3) ? 1 : 2;
	struct tiny *t = xcalloc(1, sizeof(*t));
	struct tcp_spec spec = {.script = &tiny_script, .state = t};

	t->messages_left = exchanges * 2;
	t->gap = pick_gap(sim, exchanges);
	spec.mss = 1460;
	spec.max_window = 10;
	spec.spacing = 12 * USEC;
	spec.loop[SERVER] = rnd_octaves(sim, 20 * USEC, 3);
	spec.loop[CLIENT] = rnd_octaves(sim, 200 * USEC, 7);
	pick_endpoints(sim, index, ports[rnd_below(sim, 4)], spec.side);
	sim_count(sim, "tcp.flows", 1);
	tcp_open(sim, &spec);
}

static void small_spawn(struct sim *sim, uint32_t index)
{
	if (rnd_chance(sim, 500000))
		udp_open(sim, index);
	else
		tiny_open(sim, index);
}

void small_start(struct sim *sim)
{
	sim_arrivals(sim, sim_scaled(sim, FLOWS), sim_scaled(sim, SPAN), small_spawn);
}

static void flood_spawn(struct sim *sim, uint32_t index)
{
	struct endpoint server = {.addr = 0xc6336450, .port = 80};
	const uint32_t addr = 0x0b000000 + rnd_below(sim, 0x70000000);
	struct endpoint client = {.addr = addr, .ip_id = (uint16_t)index};
	const struct tcp_header h = {.seq = (uint32_t)rnd(sim), .window = 8192, .flags = TCP_SYN};
	uint8_t frame[FRAME_MAX];

	client.port = (uint16_t)rnd_between(sim, 1024, 65535);
	client.ttl = (uint8_t)rnd_between(sim, 40, 120);
	sim_count(sim, "flows", 1);
	sim_write(sim, frame, frame_tcp(frame, &client, &server, &h, 0));
}

void flood_start(struct sim *sim)
{
	sim_arrivals(sim, sim_scaled(sim, FLOOD_FLOWS), sim_scaled(sim, FLOOD_SPAN), flood_spawn);
}
