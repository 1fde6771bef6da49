/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * repo.h - the repository layout on disk: the cloud's tree and the server's cache.
 *
 * Does:     puts documents and files under the names of ident.h, whole or not
 *           at all; what is not verified yet stays in stage/.
 * Shapes:   q  h;...  o;...  f/<id>  c/<sha256>  stage/; of a server also c;t=T;v=V;c=C,
 *           an empty file: every file of that version is in c/, and was right when
 *           it came there; and quarantine/, what was found to be damaged
 * Threads:  any; the caller keeps two writers of one name apart
 * Owner:    repo_open -> repo_close
 * Errors:   ERR_FULL, ERR_MISSING, ERR_LIMIT, ERR_BUSY another process has it, ERR_STOPPED, ERR_SYS
 * Source:   guts2(7), REPOSITORY; rename(2), fsync(2), syncfs(2)
 */
#ifndef REPO_H
#define REPO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "model/ident.h"
#include "model/wire.h"

struct repo;

#define AUTO_REPO __attribute__((cleanup(repo_cleanup)))

/* Open a tree; create makes it and its parts where they are missing. */
int repo_open(const char *path, bool create, struct repo **ret, struct err *e);
void repo_close(struct repo *r);

/*
 * Be the only writer until repo_close, and close stage/ to others (mode 0700): what is in it is
 * nobody else's business. ERR_BUSY names the other process.
 */
int repo_lock(struct repo *r, struct err *e);

/*
 * Somebody removed the directory, or parts of it, under a process that has the lock: they are made
 * again, empty, and the descriptors lead to them. ERR_BUSY: another process came into it meanwhile.
 */
int repo_mend(struct repo *r, bool *ret_mended, struct err *e);

/* Long looks at its files end where this is wanted; it stays the caller's. None is set at first. */
void repo_set_stop(struct repo *r, const struct stop *stop);
const struct stop *repo_stop(const struct repo *r);

/* Descriptors for reading below them; they stay the repository's. */
int repo_dir(const struct repo *r);
int repo_stage_dir(const struct repo *r);

/* The header of a version, parsed; ret_ref (may be NULL): digest and length of its bytes. */
struct header;
int repo_read_header(struct repo *r, const struct ident *ident, struct header **ret,
	struct archive_ref *ret_ref, struct err *e);

/*
 * The announcement, which the caller frees; empty where there is none. ERR_INPUT, ERR_LIMIT: what
 * is there is no announcement.
 */
int repo_read_query(struct repo *r, struct idents *ret, struct err *e);

/* What an offer's document names. The error does not say which document it is. */
struct offer;
int repo_read_offer(struct repo *r, const char *name, struct offer *ret, struct err *e);

/* Remove what is in quarantine/. */
int repo_clear_quarantine(struct repo *r, struct err *e);

/* Size of the file system, and what is free for us; as good as endless where nobody can say. */
void repo_disk(const struct repo *r, uint64_t *ret_bytes, uint64_t *ret_free_bytes);

/* Remove everything in stage/. */
int repo_stage_clear(struct repo *r, struct err *e);

/* A document under its name, durably. */
int repo_put(struct repo *r, const char *name, struct span bytes, struct err *e);

/* A staged file under its name, durably; it is synced first. */
int repo_commit(struct repo *r, const char *stage, const char *name, struct err *e);

/* The directory of a name that is there: who gave it may have failed to do that. */
int repo_sync_name(struct repo *r, const char *name, struct err *e);

/*
 * For many at once: stage all, repo_sync, repo_move each, repo_sync again;
 * only then write what refers to them.
 */
int repo_move(struct repo *r, const char *stage, const char *name, struct err *e);
int repo_sync(struct repo *r, struct err *e);

int repo_read(struct repo *r, const char *name, size_t max, struct buf *ret, struct err *e);
bool repo_has(const struct repo *r, const char *name);

/* Whether f/ has a file of this id and size. */
bool repo_has_archive(const struct repo *r, const struct archive_ref *ref);
/* Look at the bytes of a file. ERR_DIGEST: they are not those; ERR_MISSING: it is not there. */
int repo_check(struct repo *r, const char *name, const struct archive_ref *ref, struct err *e);

int repo_remove(struct repo *r, const char *name, struct err *e);

/* Move what is damaged out of the way, to quarantine/; what is absent is out of it already. */
int repo_quarantine(struct repo *r, const char *name, struct err *e);

/*
 * Call visit for each header, offer and content, in no order; anything but 0 ends the
 * walk and is returned. Other names are passed over.
 */
int repo_walk(struct repo *r, int (*visit)(void *context, const struct target *t, struct err *e),
	void *context, struct err *e);

static inline void
repo_cleanup(struct repo **pointer)
{
	repo_close(*pointer);
}

#endif
