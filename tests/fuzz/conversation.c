/*
 * conversation.c - the input is a byte for the run (0x03: memory; 0x04: interim records; 0x08: as
 * for the live view; 0x10: all outputs; 0xe0: all of these bits, on two threads, too), then what
 * network and ends do with whole TCP connections around messages of all protocols (world.c). The
 * frames go through the whole program.
 */
#include "whole.h"
#include "world.h"
#include <stdlib.h>
#include <string.h>

static const uint64_t memories[4] = {64u << 20, 4u << 20, 1u << 20, 16u << 20};

static void same(const struct fuzz_whole *a, const struct fuzz_whole *b)
{
	fuzz_check(a->frames == b->frames && a->flows == b->flows &&
			   a->transactions == b->transactions,
		"as much comes out on several threads");
	for (int i = 0; i < FUZZ_OUTPUTS; i++)
		fuzz_check(a->len[i] == b->len[i] &&
				   (!a->len[i] || memcmp(a->text[i], b->text[i], a->len[i]) == 0),
			"the same comes out on several threads");
}

int fuzz_conversation(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {.p = data, .end = data + size};
	uint8_t run = fuzz_u8(&in);
	struct fuzz_whole w = {.memory = memories[run & 3],
		.interval = run & 4 ? 2 * FUZZ_SECOND : 0,
		.moments = run & 8,
		.all = run & 0x10};
	size_t n;
	uint8_t *capture = fuzz_world_capture(&in, &n);

	fuzz_check(fuzz_whole(&w, capture, n), "the capture can be read");
	fuzz_whole_json(&w);
	if ((run & 0xe0) == 0xe0) {
		struct fuzz_whole threads = w;

		threads.jobs = 2;
		fuzz_check(fuzz_whole(&threads, capture, n), "it can be read again");
		same(&w, &threads);
		fuzz_whole_free(&threads);
	}
	fuzz_whole_free(&w);
	free(capture);
	return 0;
}
