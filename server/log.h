/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.h - what happened, one logfmt line each: time, event, then key=value.
 *
 * Does:     events of the process go to standard error at once; downloads and
 *           requests go to files through a buffer that a thread empties, so that no
 *           request waits for a disk. Values from outside are escaped.
 * Threads:  any; the writer thread is log_start's
 * Source:   server/events.def
 */
#ifndef LOG_H
#define LOG_H

#include <stdint.h>

#include "base/err.h"
#include "model/record.h"

enum log_event {
#define EVENT(symbol, name, level, meaning) EVENT_##symbol,
#include "events.def"
#undef EVENT
	EVENT_COUNT
};

enum log_target { LOG_PROCESS, LOG_DOWNLOAD, LOG_SERVE, LOG_TARGETS };

/* Open the files in directory (made if missing) and start the writer. */
int log_start(const char *directory, struct err *e);
void log_stop(void);

/* Open the files anew: logrotate has moved them. */
void log_reopen(void);

/* A line is put together in the caller's memory; what does not fit is cut. */
struct log_line {
	enum log_event event;
	unsigned len;
	char text[1400];
};

void log_begin(struct log_line *l, enum log_event event);
void log_text(struct log_line *l, const char *key, const char *value);
void log_number(struct log_line *l, const char *key, uint64_t value);
/* Which record: type, version, cookie, what it is. */
void log_record(struct log_line *l, const struct record *record);
void log_end(struct log_line *l, enum log_target target);

/* When an event was logged last, in milliseconds since 1970; 0: not in this run. Not of REQUEST. */
uint64_t log_last_ms(enum log_event event);

/* An event with one sentence. */
void log_note(enum log_event event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
