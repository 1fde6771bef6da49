/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cloud.h - a server that fetches from two upstreams, each of them a directory, for tests.
 *
 * Owner:    cloud_set_up -> cloud_tear_down
 */
#ifndef CLOUD_H
#define CLOUD_H

#include "cache/kept.h"
#include "cloud/fetch_job.h"

enum { CLOUDS = 2 };

struct cloud {
	struct kept k;
	struct fetch_pool pool;
	char *path[CLOUDS];
	int dir[CLOUDS]; /* -1: it does not answer any more */
};

/* Both announce nothing. */
void cloud_set_up(struct cloud *c);
void cloud_tear_down(struct cloud *c);

/* A file of one of them. */
void cloud_put(struct cloud *c, int which, const char *name, const char *text);

/* These are the upstreams, in place of the two. Before anything is fetched. */
void cloud_set_url(struct cloud *c, char *take_url);

/* The first upstream has gone. */
void cloud_lose(struct cloud *c);

/* The same for the version of an ident: a header without files, and an offer. */
void cloud_put_header(struct cloud *c, int which, const struct ident *ident);
void cloud_put_offer(struct cloud *c, int which, const struct job_spec *spec,
	const char *const *archives); /* of each format; NULL: not in that one */
void cloud_put_archive(struct cloud *c, int which, const char *archive, const char *bytes);

/* It is asked for, whatever a failure said of when, and fetched. What is remembered of it then. */
struct job_look cloud_fetch(struct cloud *c, const struct job_spec *spec);

/* A fetch that has not begun. */
struct fetch *cloud_begin(struct cloud *c, const struct job_spec *spec);

#endif
