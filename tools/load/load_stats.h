/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * load_stats.h - what a load run has counted, and how it is shown.
 *
 * Units:    _us microseconds, _s simulated seconds, bytes
 * Threads:  counts belong to one thread, and are added up afterwards
 */
#ifndef LOAD_STATS_H
#define LOAD_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The requests of an update, in their order. */
enum load_step { LOAD_QUERY, LOAD_OFFER, LOAD_HEADER, LOAD_FILE, LOAD_STEPS };

/* Eight buckets for each power of two: what is read from them is at most 12 % too large. */
enum { LOAD_BUCKETS = 8 * 40, LOAD_STATUS_MAX = 600 };

struct load_counts {
	uint64_t status[LOAD_STEPS][LOAD_STATUS_MAX]; /* 0: no answer, or a broken one */
	uint64_t bytes[LOAD_STEPS];		      /* of bodies of 200 */
	uint64_t latency[LOAD_STEPS][LOAD_BUCKETS];
	uint64_t polls;
	uint64_t updates;
	uint64_t wrong;	     /* a digest did not match, a document was none */
	uint64_t told_later; /* 503 */
	uint64_t late;	     /* visits that began over a second late: the generator is the limit */
	uint64_t unanswered; /* requests without an answer at the end; in status 0 as well */
	uint64_t unanswered_us; /* since the oldest of them was asked */
	uint64_t waiting;	/* clients that were told 503 and have not come back */
	uint64_t not_begun;	/* that would be late, and never came: no place was free */
	char error[200];	/* the first */
};

void load_stats_note_latency(struct load_counts *c, enum load_step step, uint64_t us);
void load_stats_add(struct load_counts *sum, const struct load_counts *more);

/* Whether every request had an answer, none was wrong, and there was any. */
bool load_stats_is_good(const struct load_counts *c);

/* The latency that so many of a hundred requests did not exceed; 0: there was none. */
uint64_t load_stats_percentile_us(const struct load_counts *c, enum load_step step, double percent);

/* The share of clients that had the newest version. */
struct load_sample {
	double at_s; /* since the start */
	double share;
	uint64_t newest; /* version, as far as any client was told; 0: none was */
};

struct load_report {
	struct load_counts counts;
	const struct load_sample *samples;
	size_t sample_count;
	uint64_t clients;
	double seconds; /* real ones */
	double speed;
};

/*
 * Since the newest version was first heard of, until the share was reached. Less than
 * 0: it never was.
 */
double load_stats_until_s(const struct load_report *r, double share);

/* On standard output. */
void load_stats_print_text(const struct load_report *r);
void load_stats_print_json(const struct load_report *r);
/* The curve, as an SVG picture. */
void load_stats_print_svg(const struct load_report *r, FILE *to);

#endif
