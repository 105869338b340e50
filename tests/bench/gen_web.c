/*
 * Workload web: HTTP/1.1 (RFC 9112) of many users with a few sites. Persistent connections,
 * GET, POST and HEAD, answers 200, 304, 404 and 500, bodies by Content-Length or chunked with sizes
 * from a few hundred bytes to a megabyte, and what a real path does to segments.
 */
#include "gen.h"

#include <inttypes.h>

enum { FLOWS = 24000, REQUESTS = 76000, CLIENTS = 4096, SITES = 12 };

#define SPAN (80 * SEC)

enum method { GET, POST, HEAD };

static const char *const method_names[] = {"GET", "POST", "HEAD"};

static const char *const sites[SITES] = {
	"www.example.com",
	"shop.example.com",
	"api.example.com",
	"static.example.net",
	"img.example.net",
	"news.example.org",
	"login.example.com",
	"search.example.org",
	"files.example.net",
	"forum.example.org",
	"maps.example.com",
	"status.example.com",
};

static const char *const agents[] = {
	"Mozilla/5.0 (X11; Linux x86_64; rv:119.0) Gecko/20100101 Firefox/119.0",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
	"Chrome/119.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 "
	"(KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
	"curl/8.4.0",
	"python-requests/2.31.0",
};

struct resource {
	enum method method;
	const char *uri; /* takes two numbers */
	const char *type;
	enum fill fill;
};

static const struct resource resources[] = {
	{GET, "/articles/%u/comments?page=%u", "text/html; charset=utf-8", FILL_TEXT},
	{GET, "/img/%u/%u.jpg", "image/jpeg", FILL_BINARY},
	{GET, "/api/v1/users/%u/orders/%u", "application/json", FILL_TEXT},
	{GET, "/static/js/app.%u.%u.js", "application/javascript", FILL_TEXT},
	{GET, "/static/css/site.%u.css?v=%u", "text/css", FILL_TEXT},
	{GET, "/search?q=item+%u&offset=%u", "text/html; charset=utf-8", FILL_TEXT},
	{GET, "/download/%u/part-%u.bin", "application/octet-stream", FILL_BINARY},
	{POST, "/api/v1/carts/%u/items/%u", "application/json", FILL_TEXT},
	{POST, "/api/v2/events?session=%u&n=%u", "application/json", FILL_TEXT},
	{HEAD, "/download/%u/part-%u.bin", "application/octet-stream", FILL_BINARY},
};

enum { NGETS = 7, NPOSTS = 2 };

struct web {
	uint32_t requests_left;
	uint32_t site, user;
	uint16_t port;
	const char *agent;
	const struct resource *resource;
	uint32_t id[2];
	bool asked; /* the answer is next */
	bool server_closes;
};

/* What arrivals have given away so far. */
static struct {
	uint32_t flows_left, requests_left;
} budget;

static void pick_request(struct sim *sim, struct web *w)
{
	const uint32_t dice = rnd_below(sim, 100);

	if (dice < 82)
		w->resource = &resources[rnd_below(sim, NGETS)];
	else if (dice < 95)
		w->resource = &resources[NGETS + rnd_below(sim, NPOSTS)];
	else
		w->resource = &resources[NGETS + NPOSTS];
	w->id[0] = rnd_between(sim, 1, 99999);
	w->id[1] = rnd_between(sim, 1, 400);
}

/* Many small, few large: 50 % to 2 KiB, 30 % to 16 KiB, 16 % to 128 KiB, 4 % to 1 MiB. */
static uint32_t body_size(struct sim *sim)
{
	const uint32_t dice = rnd_below(sim, 1000);

	if (dice < 500)
		return (uint32_t)rnd_octaves(sim, 128, 4);
	if (dice < 812)
		return (uint32_t)rnd_octaves(sim, 2048, 3);
	if (dice < 976)
		return (uint32_t)rnd_octaves(sim, 16384, 3);
	return (uint32_t)rnd_octaves(sim, 131072, 3);
}

static void add_chunked(struct sim *sim, struct message *msg, enum fill fill, uint32_t len)
{
	const uint32_t piece = 4096U << rnd_below(sim, 3);

	while (len) {
		const uint32_t n = len < piece ? len : piece;

		message_printf(msg, "%x\r\n", n);
		message_fill(sim, msg, fill, n);
		message_printf(msg, "\r\n");
		len -= n;
	}
	message_printf(msg, "0\r\n\r\n");
}

static void write_request(struct sim *sim, struct web *w, struct message *msg)
{
	const struct resource *r = w->resource;
	const char *host = sites[w->site];

	sim_count(sim, "http.requests", 1);
	sim_count(sim, method_names[r->method], 1);
	message_printf(msg, "%s ", method_names[r->method]);
	message_printf(msg, r->uri, w->id[0], w->id[1]);
	message_printf(msg, " HTTP/1.1\r\nHost: %s", host);
	if (w->port != 80)
		message_printf(msg, ":%u", w->port);
	message_printf(msg, "\r\nUser-Agent: %s\r\nAccept: */*\r\n", w->agent);
	message_printf(msg, "Accept-Language: en-US,en;q=0.5\r\n");
	if (w->user % 5)
		message_printf(msg, "Referer: http://%s/articles/%u\r\n", host, w->user);
	message_printf(msg, "Cookie: session=%08x%08x; theme=light\r\n", w->user * 2654435761U,
		w->site * 40503U + w->user);
	if (r->method == POST) {
		const uint32_t len = (uint32_t)rnd_octaves(sim, 64, 5);

		message_printf(msg, "Content-Type: %s\r\nContent-Length: %u\r\n\r\n", r->type, len);
		message_fill(sim, msg, r->fill, len);
	} else {
		message_printf(msg, "Connection: keep-alive\r\n\r\n");
	}
}

static int pick_status(struct sim *sim, enum method method)
{
	const uint32_t dice = rnd_below(sim, 100);

	if (dice < 10 && method == GET)
		return 304;
	if (dice >= 97)
		return 500;
	if (dice >= 92 && method != POST)
		return 404;
	return 200;
}

static void write_status(struct sim *sim, struct message *msg, int status)
{
	static const struct {
		int status;
		const char *line, *counter;
	} lines[] = {{200, "200 OK", "http.200"}, {304, "304 Not Modified", "http.304"},
		{404, "404 Not Found", "http.404"}, {500, "500 Internal Server Error", "http.500"}};
	size_t i = 0;

	while (lines[i].status != status)
		i++;
	sim_count(sim, lines[i].counter, 1);
	message_printf(msg, "HTTP/1.1 %s\r\nDate: Tue, 14 Nov 2023 22:%02u:%02u GMT\r\n",
		lines[i].line, (unsigned)(13 + sim->now / SEC / 60 % 40),
		(unsigned)(20 + sim->now / SEC) % 60);
	message_printf(msg, "Server: nginx/1.24.0\r\n");
}

static void write_response(struct sim *sim, struct web *w, struct message *msg)
{
	const struct resource *r = w->resource;
	const int status = pick_status(sim, r->method);
	const bool chunked = r->fill == FILL_TEXT && rnd_chance(sim, 400000);
	uint32_t len = status == 200 ? body_size(sim) : rnd_between(sim, 150, 900);

	if (r->method == POST && status == 200)
		len = rnd_between(sim, 20, 2000);
	write_status(sim, msg, status);
	message_printf(msg, "Connection: %s\r\n",
		w->server_closes && !w->requests_left ? "close" : "keep-alive");
	if (status == 304) {
		message_printf(msg, "ETag: \"%x-%x\"\r\n\r\n", w->id[0], w->id[1]);
		return;
	}
	message_printf(msg, "Content-Type: %s\r\nCache-Control: max-age=%u\r\n",
		status == 200 ? r->type : "text/html", w->id[1]);
	message_printf(msg, "X-Request-Id: %016" PRIx64 "\r\n", rnd(sim));
	if (chunked && r->method != HEAD) {
		sim_count(sim, "http.chunked", 1);
		message_printf(msg, "Transfer-Encoding: chunked\r\n\r\n");
		add_chunked(sim, msg, r->fill, len);
		return;
	}
	message_printf(msg, "Content-Length: %u\r\n\r\n", len);
	if (r->method != HEAD)
		message_fill(sim, msg, status == 200 ? r->fill : FILL_TEXT, len);
}

static bool web_next(struct sim *sim, void *state, struct turn *turn)
{
	struct web *w = state;

	if (w->asked) {
		w->asked = false;
		turn->from = SERVER;
		turn->think = rnd_octaves(sim, 200 * USEC, 7);
		if (rnd_chance(sim, 30000))
			turn->think = rnd_octaves(sim, 50 * MSEC, 4);
		write_response(sim, w, turn->msg);
		return true;
	}
	if (!w->requests_left) {
		turn->from = w->server_closes ? SERVER : CLIENT;
		turn->think = w->server_closes ? 100 * USEC : rnd_exp(sim, 200 * MSEC);
		return false;
	}
	turn->from = CLIENT;
	turn->think = w->resource ? rnd_exp(sim, 250 * MSEC) : rnd_octaves(sim, 20 * USEC, 4);
	w->requests_left--;
	w->asked = true;
	pick_request(sim, w);
	write_request(sim, w, turn->msg);
	return true;
}

static const struct script web_script = {.next = web_next};

/* A geometric number around what is left for each, and exactly what is left in the end. */
static uint32_t take_requests(struct sim *sim)
{
	const uint32_t spare = budget.requests_left - budget.flows_left;
	uint32_t n =
		(uint32_t)((rnd_exp(sim, (uint64_t)spare * 1024 / budget.flows_left) + 512) / 1024);

	if (n > spare || budget.flows_left == 1)
		n = spare;
	budget.flows_left--;
	budget.requests_left -= n + 1;
	return n + 1;
}

static void web_spawn(struct sim *sim, uint32_t index)
{
	struct web *w = xcalloc(1, sizeof(*w));
	uint64_t rtt = rnd_octaves(sim, 200 * USEC, 7);
	struct tcp_spec spec = {.script = &web_script, .state = w, .options = true};
	bool near_server;

	rtt += rnd_below(sim, 4) * MSEC;
	w->requests_left = take_requests(sim);
	w->site = rnd_below(sim, SITES);
	w->user = index % CLIENTS;
	w->port = w->site % 4 == 3 ? 8080 : 80;
	w->agent = agents[rnd_below(sim, sizeof(agents) / sizeof(agents[0]))];
	w->server_closes = rnd_chance(sim, 300000);

	/* Users from 10.1.0.0, sites from 198.51.100.10. */
	spec.side[CLIENT] = endpoint_at(
		sim, 0x0a010000 + w->user * 7, 32768 + w->user % 20000 + index / CLIENTS * 3, 57);
	spec.side[SERVER] = endpoint_at(sim, 0xc633640a + w->site, w->port, 64);
	/* Three of four sites are beside the tap. */
	near_server = rnd_chance(sim, 750000);
	spec.loop[SERVER] = rtt * (near_server ? 5 : rnd_between(sim, 10, 90)) / 100;
	spec.loop[CLIENT] = rtt - spec.loop[SERVER];
	spec.timestamps = rnd_chance(sim, 800000);
	spec.mss = spec.timestamps ? 1448 : 1460;
	spec.wscale[CLIENT] = spec.timestamps ? 7 : 8;
	spec.wscale[SERVER] = 7;
	spec.spacing = rnd_octaves(sim, 12 * USEC, 3);
	spec.max_window = (uint16_t)rnd_between(sim, 20, 64);
	spec.four_way = rnd_chance(sim, 200000);
	spec.lost_before_tap = 1000;
	spec.lost_after_tap = 1000;
	spec.reordered = 500;
	tcp_open(sim, &spec);
}

void web_start(struct sim *sim)
{
	budget.flows_left = (uint32_t)sim_scaled(sim, FLOWS);
	budget.requests_left = (uint32_t)sim_scaled(sim, REQUESTS);
	if (budget.requests_left < budget.flows_left)
		budget.requests_left = budget.flows_left;
	sim_arrivals(sim, budget.flows_left, sim_scaled(sim, SPAN), web_spawn);
}
