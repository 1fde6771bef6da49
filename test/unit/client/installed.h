/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * installed.h - a client's directory, and the repository that it is updated from, for tests.
 *
 * Shapes:   type "t"; version n of installed_publish has the files "same", "sub/changes" and,
 *           executable, "run"
 * Owner:    installed_set_up -> installed_tear_down
 */
#ifndef INSTALLED_H
#define INSTALLED_H

#include "client/client_session.h"
#include "publish/published.h"

struct installed {
	struct published cloud;
	struct ident version[4]; /* that was published; [0] none */
	struct origin origin;
	struct source source;
	struct client_session session;
	struct update *u; /* the last run's */
	char *path;	  /* DIR */
	int dir;	  /* DIR/t */
};

/* A repository with version 1, and nothing installed. What the client says is kept: unit_listen. */
void installed_set_up(struct installed *f);
void installed_tear_down(struct installed *f);

/* Version n, 2 or 3, after the one before. */
void installed_publish(struct installed *f, unsigned n);

/* A run of the client. */
enum update_result installed_run(struct installed *f);

/* What is in a file below DIR/t, "" where there is none; the caller frees. */
char *installed_read(const struct installed *f, const char *name);
void installed_write(const struct installed *f, const char *name, const char *text);
/* The same, and the time is set back. */
void installed_write_quietly(const struct installed *f, const char *name, const char *text);
bool installed_has(const struct installed *f, const char *name);
unsigned installed_mode(const struct installed *f, const char *name);
unsigned installed_links(const struct installed *f, const char *name);
unsigned installed_count(const struct installed *f, const char *directory);

/* Whether `current` leads to version n, with every file as it was published. */
bool installed_is_whole(const struct installed *f, unsigned n);

/* What came of the last run: this, with these words in the reason. */
void installed_check_result(const struct installed *f, enum update_result result, const char *why);
/* The same: version n by this way, with so many bytes of archives. */
void installed_check_taken(const struct installed *f, unsigned n, const char *via, uint64_t bytes);
/* Of an archive; base 0: the full one. */
uint64_t installed_archive_bytes(
	const struct installed *f, unsigned n, unsigned base, enum format format);

/* ".state/<id>.part" and the like; the caller frees. */
char *installed_part(const struct archive_ref *archive);

#endif
