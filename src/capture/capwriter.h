/*
 * capwriter.h - frames as they were captured, into capture files (-w).
 *
 * Classic pcap, version 2.4, in this machine's byte order, micro- or nanoseconds; pcapng, with the
 * interfaces by name and nanoseconds, where the path ends in ".pcapng". Rotation (-C, -G,
 * -W) is tcpdump's: a file is closed when it has grown beyond `size` before the next frame, or
 * `seconds` of capture time after it was opened. Not for several threads.
 */
#ifndef TSUMARI_CAPTURE_CAPWRITER_H
#define TSUMARI_CAPTURE_CAPWRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "api/packet.h"
#include "capture/inputs.h"

struct capwriter_options {
	const char *path;            /* "-": standard output; with seconds a strftime() format */
	int fd;                      /* of a new file with that name, which it takes; 0: none */
	const struct inputs *inputs; /* files that must not be written to, or NULL */
	uint64_t size;               /* bytes; 0: no limit (-C) */
	uint64_t seconds;            /* 0: no limit (-G) */
	unsigned files;              /* 0: no limit (-W) */
	bool unbuffered;             /* each frame is written at once (-U) */
	bool nano;
	uint32_t link_field; /* as a pcap file header has it; of a file the first frame decides */
	uint32_t snaplen;
	const char *(*iface)(void *arg, unsigned i); /* name of an interface; may be NULL */
	void *iface_arg;
	/* Called with each file that -C or -G has ended; may be NULL. */
	void (*closed)(void *arg, const char *name);
	void *closed_arg;
	uint64_t now; /* ns: when the capture starts; 0: with the first frame (a file is read) */
};

struct capwriter;

/* Asked for from a signal handler or another thread, done with the next frame. */
#define CAPWRITER_FLUSH  1u
#define CAPWRITER_REOPEN 2u /* if the file was moved away: it is begun anew under its name */
void capwriter_ask(struct capwriter *w, unsigned what);

/* Does a file of that name hold frames of several link types? */
bool capwriter_mixes(const char *path);

/*
 * Opens the first file, unless its name depends on the time of the first frame (seconds != 0, now
 * == 0). NULL with one line in err.
 */
struct capwriter *capwriter_open(const struct capwriter_options *o, char *err, size_t errsize);

/* False: no more frames are taken; capwriter_error() says why. */
bool capwriter_frame(struct capwriter *w, const struct packet *p);

/* One line, or NULL where nothing went wrong (the limit of files was reached). */
const char *capwriter_error(const struct capwriter *w);
bool capwriter_pipe_closed(const struct capwriter *w); /* the error was a reader that went away */
uint64_t capwriter_frames(const struct capwriter *w);

/* Writes out what is buffered. False where that fails: capwriter_error() holds until _free(). */
bool capwriter_finish(struct capwriter *w);
void capwriter_free(struct capwriter *w);

#endif
