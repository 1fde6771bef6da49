/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jobs.h - what is being obtained, once for everybody who wants it.
 *
 * Does:     a job is known by what comes of it; whoever asks for the same joins it.
 *           One that FAILED is tried again when it is asked for after retry_at; what is
 *           ABSENT or KNOWN is forgotten when metadata changes. The server's own work has room
 *           that clients cannot take; a type has a share of what runs (job_table.h), and an
 *           address of the questions that may be invented (wishes.h).
 * Units:    _ms milliseconds, monotonic; bytes
 * Threads:  any. One lock guards the table; resume calls are made without it
 * Owner:    jobs_new -> jobs_free; a job taken is the taker's until jobs_finish
 * Source:   guts2(7), ANSWERS and DECISION; guts2d(8), LIMITS
 */
#ifndef JOBS_H
#define JOBS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "jobs/job_progress.h"
#include "jobs/waiters.h"
#include "model/hops.h"
#include "model/ident.h"
#include "model/record.h"

enum job_kind {
	JOB_QUERY,   /* the announcement */
	JOB_HEADER,  /* a header */
	JOB_OFFER,   /* an archive as the upstream has it, and the offer that names it */
	JOB_PRICE,   /* that offer alone: how large the archives are */
	JOB_CHECK,   /* the digest of a file that lay in the cache at the start */
	JOB_BUILD,   /* a full archive, in the cheapest way; or a difference that is built here */
	JOB_ROLE,    /* the role of a type, which vouches for its versions */
	JOB_CONTENT, /* the content of a version, for retention */
	JOB_KINDS,
};

/* Who takes them: the fetcher four of them, in the order in which they matter. */
enum job_queue {
	QUEUE_METADATA, /* QUERY, HEADER, PRICE */
	QUEUE_ARCHIVES, /* OFFER */
	QUEUE_WISHES,	/* OFFER, of a base that may be invented */
	QUEUE_ROLES,	/* ROLE */
	QUEUE_WORKERS,	/* CHECK */
	QUEUE_BUILDERS, /* BUILD, CONTENT */
	QUEUES
};

struct job_spec {
	enum job_kind kind;
	struct ident ident;	 /* all but QUERY */
	struct edition base;	 /* OFFER, PRICE, CHECK, BUILD: version 0 is the full archive */
	enum format format;	 /* OFFER, CHECK, BUILD */
	enum record_kind stored; /* CHECK: which record it is */
	/* A base of which nothing is known here: the hash of the address that asks; 0: none. */
	uint64_t wish_of;
	bool due; /* it is tried now, whatever a failure said of when */
	const char
		*via; /* how the request came that wants it (hops.h); NULL: not through servers */
};

/*
 * NONE -> QUEUED -> RUNNING -> done (gone), FAILED, KNOWN (a PRICE that was answered) or ABSENT,
 * which is remembered without the job; FAILED -> QUEUED again. What was learnt on the way to
 * something else: NONE, FAILED -> ABSENT.
 */
enum job_state { JOB_NONE, JOB_QUEUED, JOB_RUNNING, JOB_FAILED, JOB_ABSENT, JOB_KNOWN };

/* Why somebody has to wait: the words of a 503. */
enum job_reason {
	JOB_DOWNLOADING,
	JOB_BUILDING,
	JOB_BUSY,
	JOB_UPSTREAM_UNAVAILABLE,
	JOB_DISK_FULL,
	JOB_RESTARTING, /* the server ends, and another run of it will be there soon */
	JOB_REASONS
};
const char *jobs_reason_name(enum job_reason reason);

enum { JOB_KEY = IDENT_NAME_MAX + 16 };

/* Under the table's lock, but for what says otherwise. */
struct job {
	struct job_spec spec; /* its own; spec.via is NULL, see via */
	char key[JOB_KEY];
	uint64_t hash;		 /* of the key */
	char waits_for[JOB_KEY]; /* the key of another job, RUNNING ones only; "" none */
	char via[HOPS_TEXT_MAX]; /* of the request that queued it */
	struct offer offer;	 /* KNOWN */
	enum job_state state;
	enum job_reason reason; /* FAILED */
	unsigned failures;	/* in a row */
	bool asked;		/* since it failed */
	uint64_t retry_at_ms;	/* FAILED */
	uint64_t queued_ms;
	struct job_progress progress;
	struct waiter_list waiters; /* empty unless QUEUED or RUNNING */
	/* The taker's, while it is RUNNING: */
	char complaint[sizeof(((struct err *)0)->text)]; /* what was logged last of it */
	void *memory; /* from one attempt to the next; one block of malloc, freed with the job */
	/* The table's: */
	LIST_ENTRY(job) in_bucket;
	STAILQ_ENTRY(job) in_queue; /* QUEUED */
	LIST_ENTRY(job) in_running; /* RUNNING */
};

struct jobs;

/* notify is called, without the lock, when a job of this queue may be taken. */
struct jobs *jobs_new(void (*notify)(void *context, enum job_queue queue), void *context);
void jobs_free(struct jobs *j);

/* What is remembered of something. */
struct job_look {
	enum job_state state;
	enum job_reason reason; /* FAILED */
	uint64_t retry_in_ms;	/* FAILED; 0: it may be asked for again */
	struct offer offer;	/* KNOWN */
};
struct job_look jobs_look(struct jobs *j, const struct job_spec *spec);

/* What somebody who asks is told. */
struct job_outlook {
	enum job_reason reason;
	double progress;  /* 0 to 1; negative: not known */
	uint64_t need_ms; /* UINT64_MAX: not known */
	bool coming;	  /* queued or running: worth holding an answer for */
	bool held;	  /* the waiter was taken, and will be resumed exactly once */
};

/*
 * Ask for something: the job is made, joined, or queued again when its time has
 * come. A waiter (may be NULL) is taken while the job is on its way.
 */
struct job_outlook jobs_ask(struct jobs *j, const struct job_spec *spec, struct waiter *waiter);

/*
 * The same for a running job that needs another one first; who asks for it is
 * told of that one meanwhile.
 */
struct job_outlook jobs_wait(
	struct jobs *j, struct job *job, const struct job_spec *spec, struct waiter *waiter);

/*
 * An archive of that offer has begun to arrive: whoever waits for it or for a build of it, and
 * takes it so, is resumed.
 */
void jobs_arriving(
	struct jobs *j, const struct ident *ident, const struct edition *base, enum format format);

/* It goes on. */
void jobs_resume(struct jobs *j, struct job *job);

/* Whether jobs_stop was called. */
bool jobs_stopped(struct jobs *j);

/* The next job of a queue that may run beside those that do; NULL: none. */
struct job *jobs_take(struct jobs *j, enum job_queue queue);

/* The end of a job: it is there now; it is known; it is known not to exist; it failed. */
void jobs_done(struct jobs *j, struct job *job);
void jobs_known(struct jobs *j, struct job *job, const struct offer *offer);
void jobs_absent(struct jobs *j, struct job *job);
/* delay_ms 0: back off by the number of failures; else it is known when, and does not count. */
void jobs_failed(struct jobs *j, struct job *job, enum job_reason reason, uint64_t delay_ms);

/* That something does not exist upstream, learned on the way to something else. */
void jobs_note_absent(struct jobs *j, const struct job_spec *spec);

/* The metadata changed: what did not exist may exist now, and have another size. */
void jobs_forget_known(struct jobs *j);

/* One of these turned out to be wrong. */
void jobs_forget(struct jobs *j, const struct job_spec *spec);

/* Resume waiters whose time is over, queue what is due again, drop what nobody asks for. */
void jobs_tick(struct jobs *j, uint64_t now_ms);

/* One that runs or is queued, for people. */
struct job_shown {
	char name[JOB_KEY]; /* what comes of it, and how */
	bool running;
	uint64_t have_bytes;
	uint64_t total_bytes; /* 0: not known */
	uint64_t came_bytes;  /* in took_ms */
	uint64_t took_ms;
};

/* Those that run first; at most max of them at ret. Returns how many. */
size_t jobs_show(struct jobs *j, struct job_shown *ret, size_t max);

/* Resume every waiter, now and from now on. */
void jobs_stop(struct jobs *j);

#endif
