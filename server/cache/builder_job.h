/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * builder_job.h - one job that builds something: what builder_*.c share, and nobody else uses.
 *
 * Does:     the ways a job ends, what it knows, how it waits for other jobs, and
 *           what becomes of a failure.
 * Owner:    builder_start makes it; builder_job_done, builder_job_absent and
 * builder_job_failed end it
 */
#ifndef BUILDER_JOB_H
#define BUILDER_JOB_H

#include <stdbool.h>

#include "store/build.h"
#include "log.h"
#include "cache/builder_turns.h"
#include "model/plan.h"
#include "server.h"

struct builder_job {
	struct server *server;
	struct job *job;
	struct waiter waiter;
	struct turn turn;
	uint64_t loaded_bytes; /* from the cloud, on the way */
	unsigned steps;
	uint64_t began_ms;
	struct records records; /* of the type, as they are at this step */
	/* Of what could not be had at this step. */
	bool failed;
	enum job_reason reason;
	uint64_t retry_in_ms;
};

/* The next step of each kind. True: the job waits or has ended, and is not this thread's any more.
 */
bool builder_whole_step(struct builder_job *k, const struct build *b);
bool builder_difference_step(struct builder_job *k, const struct build *b);

/* Go on, on a builder. */
void builder_job_advance(void *context);

/* The end; k is gone. */
void builder_job_done(struct builder_job *k);
void builder_job_absent(struct builder_job *k);
void builder_job_failed(struct builder_job *k, enum job_reason reason, uint64_t delay_ms);

/* The cache as it is now, without archives that are of no use. */
void builder_job_read_records(struct builder_job *k);

/* The header or the content of a version, among these; NULL: it is not here. */
const struct record *builder_job_find(
	const struct builder_job *k, enum record_kind kind, const struct edition *edition);

/* What a plan asks (plan.h); context is the job. */
enum plan_known builder_job_look_price(
	void *context, const struct edition *base, struct offer *ret);
enum plan_known builder_job_look_archive(
	void *context, const struct edition *base, enum format format);
enum plan_known builder_job_look_header(void *context, const struct edition *edition);

/* What the full archive costs from the cloud; 0: not known. */
uint64_t builder_job_full_price(struct builder_job *k);

/* The jobs that it can wait for. */
struct job_spec builder_job_price_of(const struct builder_job *k, const struct edition *base);
struct job_spec builder_job_archive_of(
	const struct builder_job *k, const struct edition *base, enum format format);
struct job_spec builder_job_header_of(const struct builder_job *k, const struct edition *edition);

/* True: the job waits, or has ended. False: look again. */
bool builder_job_wait_for(struct builder_job *k, struct job_spec spec);

/* For build.h: the builders do the work, the job tells how far it is. */
int builder_job_crew_each(void *context, size_t count,
	int (*run)(void *run_context, size_t index, struct err *e), void *run_context,
	struct err *e);
void builder_job_crew_begin(void *context, const char *what, uint64_t bytes);
void builder_job_crew_add(void *context, uint64_t bytes);

/* Something was built, in this way; so many bytes did not have to come from the cloud. */
void builder_job_log(const struct builder_job *k, enum log_event event, const struct record *r,
	const char *way, uint64_t saved);

/*
 * Something did not work. Where an input is damaged it goes; where nothing is,
 * the culprit is of no use, whatever its digest says. True: look again; false:
 * the job has ended.
 */
bool builder_job_settle_failure(struct builder_job *k, const struct err *why,
	const struct record *inputs, size_t count, const struct record *culprit);

#endif
