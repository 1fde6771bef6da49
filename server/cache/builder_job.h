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

#include "cache/builder_turns.h"
#include "cache/retain.h"
#include "cache/stock.h"
#include "jobs/jobs.h"
#include "jobs/workers.h"
#include "log.h"
#include "model/plan.h"

struct builder_parts {
	struct stock *stock;
	struct jobs *jobs;
	struct workers *builders;
	struct builder_turns *turns;
	struct retain *retain;
};

struct builder_job {
	const struct builder_parts *parts;
	struct job *job;
	void (*advance)(void *context); /* how it goes on, on a builder; context is this */
	struct waiter waiter;
	struct turn turn;
	uint64_t loaded_bytes; /* from the cloud, on the way */
	unsigned steps;
	uint64_t began_ms;
	struct records records;	   /* of the type, as they are at this step */
	struct records unreadable; /* by this job: left out of these */
	/* Of what could not be had at this step. */
	bool no_room; /* to unpack content, in this job */
	bool failed;
	enum job_reason reason;
	uint64_t retry_in_ms;
};

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

/* What building the content of the job's version adds to the disk; 0: its header is not here. */
uint64_t builder_job_content_bytes(const struct builder_job *k);

/* For build.h: the builders do the work, the job tells how far it is. */
struct encode_crew builder_job_crew(struct builder_job *k);

/*
 * Room for what is about to be built in the workspace, until retain_release. False: there is none,
 * which is logged.
 */
bool builder_job_reserve(struct builder_job *k, const char *workspace, uint64_t bytes);

/* It is there anew: what could not be read of it is no more. */
void builder_job_made(struct builder_job *k, const struct record *r);

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
