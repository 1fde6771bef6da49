/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * land.h - what arrived is checked, stored, and becomes part of the view.
 *
 * Does:     everything between the last byte of a transfer and the first
 *           client that may have it. Runs on workers, since it waits for disks.
 * Errors:   logged; each function ends its job
 * Source:   PROTOCOL sections 1, 6 and 7
 */
#ifndef LAND_H
#define LAND_H

#include "base/buf.h"
#include "server.h"

void land_header(struct server *s, struct job *job, struct span bytes, uint64_t took_ms);

/*
 * A staged archive. record names it; last_choice: the format asked for does not
 * exist upstream, and this one is the next best.
 */
struct landing {
	struct record record;
	char stage[DIGEST_HEX + 8];
	uint64_t received_bytes; /* in this run, without what an earlier one had */
	uint64_t took_ms;
	bool last_choice;
};
void land_archive(struct server *s, struct job *job, const struct landing *landing);

/* A stored file whose digest was not looked at since the start. */
void land_check(struct server *s, struct job *job);

/* A stored record is not what it was: out of the view, to quarantine/. */
void land_damage(struct server *s, const struct record *record, const char *why);

/* type, version, cookie, what it is. */
struct log_line;
void land_log_record(struct log_line *l, const struct record *record);

/* An archive that is not there, or not as it was said, may have another name by now. */
void land_forget_price(struct server *s, const struct job *job);

/* A job failed: one line where the reason is new to it, and the job knows when it is due. */
void land_failure(struct server *s, struct job *job, const char *name, const struct err *why,
	enum job_reason reason, uint64_t delay_ms);

#endif
