/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_look.h - whether the files of a version are what they were when it was installed.
 *
 * Does:     compares kind, size, mode, time of change and inode of each file with what was
 *           recorded when its digest was right. What differs is read and digested, so that a
 *           file which was only touched is no damage; a mode that differs on right content is
 *           put right. All are digested when that is asked for. A file that is reached
 *           through a link, at its end or on the way, is damaged: what is behind it is not ours.
 * Shapes:   .state/<version>-<cookie>.seen, lines of text: "seen 2", "header <64 hex>",
 *           "verified <seconds>", "files <count>", then for each file, in the header's
 *           order, its time of change in nanoseconds and its inode; 0: it was not whole
 * Units:    _s and _ns since 1970
 * Cost:     one statx(2) a file, at most two walks down to each directory; what is read is
 *           read once, however many names it has
 * Errors:   a record that is missing or damaged is an error, and means: digest all now
 */
#ifndef CLIENT_LOOK_H
#define CLIENT_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/err.h"
#include "model/header.h"

/*
 * By what a file is known again. Files of one version can have one time; then it is the inode that
 * tells that two have changed places.
 */
struct look_file {
	uint64_t changed_ns; /* 0: nobody knows, or it was not whole */
	uint64_t inode;
};

/* The record of one version. */
struct look {
	struct digest header; /* of the header's bytes, as they came */
	uint64_t verified_s;  /* when all digests were looked at */
	struct look_file *files;
	size_t count;
	bool news; /* something was seen that is not recorded */
};

#define AUTO_LOOK __attribute__((cleanup(client_look_free)))

/* A record that knows nothing, of so many files. */
void client_look_new(struct look *l, size_t count);
void client_look_free(struct look *l);

/* *ret is a new one, for the count of its header. On failure it knows nothing still. */
int client_look_read(int state, const char *name, struct look *ret, struct err *e);
int client_look_write(int state, const char *name, const struct look *l, struct err *e);

/* The mode that the client gives a file: 0644, or 0755 to what can be executed. */
mode_t client_look_mode(const struct header_file *file);

/* By what a file is known from now on. */
struct look_file client_look_note(int dir, const char *name);

enum client_look_found {
	LOOK_UNCHANGED,	 /* it is what *known is, with its size and mode: not read */
	LOOK_RIGHT,	 /* read: its mode and its digest are the header's */
	LOOK_OTHER_MODE, /* not read */
	LOOK_WRONG,	 /* its bytes are others, or it is no file, or not there */
};

/* Whether a file is what the header says. *known: of one that was right; and then of this one. */
enum client_look_found client_look_check(
	int dir, const char *name, const struct header_file *file, struct look_file *known);

/*
 * Look at every file of a header, and note in l what was seen. all: digest even what seems to
 * be unchanged. Returns how many are missing or damaged, the first of them in *ret_first.
 */
size_t client_look_files(
	int tree, const struct header *header, struct look *l, bool all, const char **ret_first);

#endif
