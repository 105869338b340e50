/*
 * pipeline.h - runs a source through the engine into the sinks, on one thread or several.
 */
#ifndef TSUMARI_RUN_PIPELINE_H
#define TSUMARI_RUN_PIPELINE_H

#include "core/engine.h"
#include "core/record.h"
#include "core/stats.h"
#include "model/model.h"
#include "model/gave_up.h"
#include "model/paths.h"
#include "out/identity.h"
#include "out/sink.h"
#include "capture/source.h"
#include <pthread.h>

struct pipeline {
	struct source *source;
	const struct engine_config *config;
	unsigned jobs;       /* worker threads; 0: everything on this thread */
	uint64_t max_frames; /* -c: that are read; 0: no limit */
	uint64_t given;      /* that are analysed of them, in order of time; 0: no limit */
	uint64_t duration;   /* --duration, ns of capture time; 0: no limit */
	bool analyse;        /* false: frames go to on_frame only (-w without --print) */
	/* Each frame as it is read, before it is analysed (-w); on the reader's thread. NULL: none.
	   Returns false to stop. */
	bool (*on_frame)(void *arg, const struct packet *p);
	void *on_frame_arg;
	/* Records that are not wanted go to no model, and to no sink that does not ask for all.
	   NULL: all are. On the main thread. */
	bool (*wanted)(void *arg, const struct record *r);
	void *wanted_arg;
	struct identity *identity; /* is told the first frame; NULL: nobody asks */
	/* Fed with what the sinks get, before they do. NULL: nobody asks for it. */
	struct model *model;
	bool model_all;     /* the model gets records that are not wanted, too */
	struct sink *sinks; /* nsinks of them */
	unsigned nsinks;

	bool publishes; /* pipeline_published() is asked */
	/* ms: how often poll() of the sinks is called at least; 0: 100. */
	unsigned poll_interval_ms;

	/* Results. */
	struct capture_stats capture;
	struct paths *paths; /* while it runs */
	struct gave_up *gave_up;
	struct counters counters;
	bool stopped_by_sink;
	/* What was captured, as of the last tick. */
	pthread_mutex_t lock;
	struct capture_stats published;
};

/* 0, or 1 where the source ended with an error (source_error() says which). */
int pipeline_run(struct pipeline *p);

/* While it runs, on the thread of the sinks: what was captured up to the last tick. */
void pipeline_published(struct pipeline *p, struct capture_stats *st);

/* Asks for an end: what was captured is still analysed. Async-signal-safe. */
void pipeline_stop(struct pipeline *p);

#endif
