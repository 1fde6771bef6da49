/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "metrics.h"

/*
 * A line of a quiet log is on its way to the disk after FLUSH_MS. A buffer that is half full is
 * written at once, so that the other half takes what comes meanwhile.
 */
enum { BUFFER_BYTES = 1 << 20, FLUSH_MS = 200 };

/* What stands behind the time; none of it needs quotes. */
static const char *const events[EVENT_COUNT] = {
#define EVENT(symbol, name, level, meaning) " level=" level " event=" name,
#include "events.def"
#undef EVENT
};

/*
 * Which bytes stand for themselves: between quotes, and of these without any. Whether char has a
 * sign or not, a byte above ASCII does not.
 */
enum { PLAIN = 1, BARE = 2 };
static const unsigned char kinds[UCHAR_MAX + 1] = {[' '] = PLAIN,
	['!'] = PLAIN | BARE,
	['#' ... '<'] = PLAIN | BARE,
	['='] = PLAIN,
	['>' ... '['] = PLAIN | BARE,
	[']' ... '~'] = PLAIN | BARE};

static const char *const file_names[LOG_TARGETS] = {
	NULL, "fspms-download-updates.log", "fspms-serve-updates.log"};

/*
 * Two buffers that change places: request threads append to one while the writer has the other in
 * its hands, so that nobody waits for a disk. Where a disk is so slow that both are full, lines are
 * lost, counted, and the loss is said.
 */
struct sink {
	char *filling; /* request threads append here */
	char *writing; /* the writer's alone */
	size_t len;
	uint64_t lost; /* lines that did not fit */
	int fd;	       /* the writer's alone */
};

static struct {
	pthread_mutex_t lock; /* filling, len, lost, stop, reopen */
	pthread_cond_t wake;
	pthread_t writer;
	bool running; /* main's: from before the threads that log are started until they have ended
		       */
	bool stop;
	bool reopen;
	char *directory;
	struct sink sinks[LOG_TARGETS];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- Lines */

/* What does not fit is cut: a line that is too long is one line all the same. */
static void
append(struct log_line *l, const char *text, size_t len)
{
	size_t room = sizeof(l->text) - 2 - l->len; /* newline and NUL */

	if (len > room)
		len = room;
	memcpy(l->text + l->len, text, len);
	l->len += (unsigned)len;
}

static void
append_byte(struct log_line *l, char byte)
{
	if (l->len < sizeof(l->text) - 2)
		l->text[l->len++] = byte;
}

/* With leading zeros up to so many digits. */
static void
append_number(struct log_line *l, uint64_t value, int digits)
{
	char text[20]; /* of 2^64 - 1 */
	size_t at = sizeof(text);

	for (; value > 0 || digits > 0; value /= 10, digits--)
		text[--at] = (char)('0' + value % 10);
	append(l, text + at, sizeof(text) - at);
}

/*
 * A calendar costs as much as the rest of a line: a thread asks it once a second. And the time is
 * that of the kernel's last tick, up to ten milliseconds ago, which costs a fifth.
 */
static void
append_time(struct log_line *l)
{
	static _Thread_local struct {
		time_t second;
		size_t len;
		char text[64];
	} last;
	struct timespec now;
	struct tm parts;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec != last.second) {
		(void)gmtime_r(&now.tv_sec, &parts);
		last.len =
			strftime(last.text, sizeof(last.text), "time=%Y-%m-%dT%H:%M:%S.", &parts);
		last.second = now.tv_sec;
	}
	append(l, last.text, last.len);
	append_number(l, (uint64_t)now.tv_nsec / 1000000, 3);
	append_byte(l, 'Z');
}

static _Atomic uint64_t last_ms[EVENT_COUNT];

uint64_t
log_last_ms(enum log_event event)
{
	return last_ms[event];
}

void
log_begin(struct log_line *l, enum log_event event)
{
	metrics_add((enum metric)(METRIC_EVENTS + 1 + (unsigned)event), 1);
	if (event != EVENT_REQUEST)
		last_ms[event] = clock_wall_ms();
	l->event = event;
	l->len = 0;
	append_time(l);
	append(l, events[event], strlen(events[event]));
}

/* How many bytes value begins with that are of this kind. */
static size_t
kind_len(const char *value, unsigned kind)
{
	size_t len = 0;

	while ((kinds[(unsigned char)value[len]] & kind) != 0)
		len++;
	return len;
}

/*
 * Whatever it is, it stays one value on one line: who chooses a name or a path must not be able to
 * write lines, or other keys, of his own.
 */
static void
append_quoted(struct log_line *l, const char *value)
{
	append_byte(l, '"');
	for (;;) {
		size_t plain = kind_len(value, PLAIN);
		unsigned char c = (unsigned char)value[plain];
		char escaped[8];

		append(l, value, plain);
		if (c == '\0')
			break;
		(void)snprintf(
			escaped, sizeof(escaped), c < ' ' || c >= 0x7f ? "\\x%02x" : "\\%c", c);
		append(l, escaped, strlen(escaped));
		value += plain + 1;
	}
	append_byte(l, '"');
}

static void
append_key(struct log_line *l, const char *key)
{
	append_byte(l, ' ');
	append(l, key, strlen(key));
	append_byte(l, '=');
}

void
log_text(struct log_line *l, const char *key, const char *value)
{
	size_t bare = kind_len(value, BARE);

	append_key(l, key);
	if (bare > 0 && value[bare] == '\0')
		append(l, value, bare);
	else
		append_quoted(l, value);
}

void
log_number(struct log_line *l, const char *key, uint64_t value)
{
	append_key(l, key);
	append_number(l, value, 1);
}

void
log_record(struct log_line *l, const struct record *record)
{
	log_text(l, "type", record->ident.type);
	log_number(l, "version", record->ident.edition.version);
	log_text(l, "cookie", record->ident.edition.cookie);
	if (record_is_difference(record))
		log_number(l, "from", record->base.version);
	log_text(l, "what", record_kind_name(record));
	if (record->kind == RECORD_ARCHIVE)
		log_text(l, "format", wire_format_key(record->format));
}

void
log_end(struct log_line *l, enum log_target target)
{
	struct sink *sink = &state.sinks[target];
	unsigned len = l->len + 1;
	bool half;

	l->text[l->len] = '\n'; /* the line can be sent to another target, too */
	if (target == LOG_PROCESS || !state.running) {
		/*
		 * One write(2), without a lock: a line is shorter than PIPE_BUF, and so does not
		 * mix with those of other threads where standard error is a pipe (pipe(7)).
		 */
		(void)!write(STDERR_FILENO, l->text, len);
		return;
	}
	(void)pthread_mutex_lock(&state.lock);
	/* A disk that hangs costs lines, and no answers. */
	if (len > BUFFER_BYTES - sink->len) {
		sink->lost++;
	} else {
		memcpy(sink->filling + sink->len, l->text, len);
		sink->len += len;
	}
	half = sink->len > BUFFER_BYTES / 2;
	(void)pthread_mutex_unlock(&state.lock);
	if (half)
		(void)pthread_cond_signal(&state.wake);
}

void
log_note(enum log_event event, const char *fmt, ...)
{
	struct log_line l;
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_begin(&l, event);
	log_text(&l, "text", text);
	log_end(&l, LOG_PROCESS);
}

/* ---- The writer */

static int
open_file(const char *directory, enum log_target target, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s", directory, file_names[target]);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);

	return fd < 0 ? err_sys(e, "%s", path) : fd;
}

/*
 * The writer's, without the lock. Where a new file cannot be opened, lines go on into the one that
 * logrotate has moved.
 */
static void
reopen_files(void)
{
	for (int i = LOG_DOWNLOAD; i < LOG_TARGETS; i++) {
		struct err e;
		int fd = open_file(state.directory, (enum log_target)i, &e);

		if (fd < 0) {
			log_note(EVENT_FAILED, "log stays as it was: %s", e.text);
			continue;
		}
		fs_close(&state.sinks[i].fd);
		state.sinks[i].fd = fd;
	}
}

/*
 * Called with the lock, which is open while it writes. The writer's buffer is empty then: nobody
 * else comes here.
 */
static void
empty(enum log_target target)
{
	struct sink *sink = &state.sinks[target];
	char *full = sink->filling;
	size_t len = sink->len;
	uint64_t lost = sink->lost;

	if (len == 0)
		return;
	sink->filling = sink->writing;
	sink->writing = full;
	sink->len = 0;
	sink->lost = 0;
	(void)pthread_mutex_unlock(&state.lock);
	/* How many of its lines were written nobody knows: hence "or more". */
	if (fs_write(sink->fd, full, len, NULL) != 0)
		lost++;
	if (lost > 0)
		log_note(EVENT_LINES_LOST, "%" PRIu64 " or more lines of %s", lost,
			file_names[target]);
	(void)pthread_mutex_lock(&state.lock);
}

/* Whether something is there that does not wait for the next turn. */
static bool
is_wanted(void)
{
	for (int i = LOG_DOWNLOAD; i < LOG_TARGETS; i++)
		if (state.sinks[i].len > BUFFER_BYTES / 2)
			return true;
	return state.stop || state.reopen;
}

static void *
write_logs(void *unused)
{
	bool stop;

	(void)unused;
	(void)pthread_mutex_lock(&state.lock);
	do {
		uint64_t until_us = clock_mono_us() + FLUSH_MS * 1000;
		struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
			.tv_nsec = (long)(until_us % 1000000) * 1000};

		if (!is_wanted())
			(void)pthread_cond_timedwait(&state.wake, &state.lock, &until);
		/*
		 * Looked at before the buffers are emptied: what was logged before log_stop is
		 * written.
		 */
		stop = state.stop;
		for (int i = LOG_DOWNLOAD; i < LOG_TARGETS; i++)
			empty((enum log_target)i);
		/*
		 * After that: lines from before the signal are in the file that logrotate has
		 * moved.
		 */
		if (state.reopen) {
			state.reopen = false;
			(void)pthread_mutex_unlock(&state.lock);
			reopen_files();
			(void)pthread_mutex_lock(&state.lock);
		}
	} while (!stop);
	(void)pthread_mutex_unlock(&state.lock);
	return NULL;
}

int
log_start(const char *directory, struct err *e)
{
	pthread_condattr_t attributes;
	AUTO_CLOSE int dir = fs_make_dirs(AT_FDCWD, directory, e);

	if (dir < 0)
		return -1;
	for (int i = LOG_DOWNLOAD; i < LOG_TARGETS; i++) {
		state.sinks[i].fd = open_file(directory, (enum log_target)i, e);
		if (state.sinks[i].fd < 0)
			return -1;
		state.sinks[i].filling = mem_new(1, BUFFER_BYTES);
		state.sinks[i].writing = mem_new(1, BUFFER_BYTES);
	}
	state.directory = mem_string(directory);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&state.wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	state.running = true; /* before there is a writer, who reads what lies beside it */
	if (pthread_create(&state.writer, NULL, write_logs, NULL) != 0) {
		state.running = false;
		return err_set(e, ERR_SYS, "cannot start a thread");
	}
	return 0;
}

void
log_reopen(void)
{
	(void)pthread_mutex_lock(&state.lock);
	state.reopen = true;
	(void)pthread_mutex_unlock(&state.lock);
	(void)pthread_cond_signal(&state.wake);
}

void
log_stop(void)
{
	if (!state.running)
		return;
	(void)pthread_mutex_lock(&state.lock);
	state.stop = true;
	(void)pthread_mutex_unlock(&state.lock);
	(void)pthread_cond_signal(&state.wake);
	(void)pthread_join(state.writer, NULL);
	state.running = false;
	for (int i = LOG_DOWNLOAD; i < LOG_TARGETS; i++) {
		fs_close(&state.sinks[i].fd);
		free(state.sinks[i].filling);
		free(state.sinks[i].writing);
	}
	free(state.directory);
}
