/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http_response.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "http/bodies.h"
#include "http/fields.h"

/* At most so many for each of the files that stay open. */
enum { IN_MEMORY_BYTES = BODIES_LEN_MAX };

/*
 * Nothing of a client's text comes here: values are ours, or were parsed by a closed grammar. So
 * they have no line end, and the library takes them.
 */
static void
add(struct MHD_Response *response, const char *name, const char *value)
{
	enum MHD_Result added = MHD_add_response_header(response, name, value);

	assert(added == MHD_YES);
}

void
http_response_add_fields(struct MHD_Response *response, const struct reply *r)
{
	/* In the order of enum reply_cache. */
	static const char *const cache[] = {
		"no-store", "no-cache", "public, max-age=31536000, immutable"};
	char text[80];

	add(response, "Cache-Control", cache[r->cache]);
	/*
	 * What a 304 has to say are the fields that a cache would update (RFC 9110 section 15.4.5).
	 */
	if (r->status != 304)
		add(response, "Content-Type",
			r->octets ? "application/octet-stream" : "application/json");
	if (r->etag != NULL)
		add(response, "ETag", r->etag);
	if (r->vary_accept)
		add(response, "Vary", "Accept");
	if (r->last_modified_s > 0)
		add(response, "Last-Modified", fields_date_text(r->last_modified_s, text));
	if (r->body == REPLY_FILE || r->body == REPLY_ARRIVAL)
		add(response, "Accept-Ranges", "bytes");
	if (r->location[0] != '\0')
		add(response, "Location", r->location);
	if (r->allow != NULL)
		add(response, "Allow", r->allow);
	if (r->close)
		add(response, "Connection", "close");
	if (r->retry_after_s > 0) {
		(void)snprintf(text, sizeof(text), "%" PRIu64, r->retry_after_s);
		add(response, "Retry-After", text);
	}
	if (r->whole_file_size && r->status == 206)
		(void)snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
			r->first, r->first + r->len - 1, r->size);
	else if (r->whole_file_size)
		(void)snprintf(text, sizeof(text), "bytes */%" PRIu64, r->size);
	if (r->whole_file_size)
		add(response, "Content-Range", text);
}

/* Descriptors behind kept responses, of the whole process. */
static _Atomic uint64_t open_files;

void
http_response_release(void *response, bool is_file)
{
	MHD_destroy_response(response);
	if (is_file)
		(void)atomic_fetch_sub(&open_files, 1);
}

/*
 * A response that stays with what it answers; the one that came first is kept.
 *
 * The library counts references to a response and never changes it, so that one serves all requests
 * for a record or a document. It has the fields of the reply that made it: what is kept is made
 * only of replies that are the same for everybody (see `alone`). A kept file has one descriptor,
 * which is read at offsets, by several threads at once.
 */
static struct MHD_Response *
store_response(_Atomic(void *) *slot, struct MHD_Response *response, bool is_file)
{
	void *none = NULL;

	if (atomic_compare_exchange_strong(slot, &none, response))
		return response;
	http_response_release(response, is_file);
	return none;
}

/* The bytes are not copied: whoever sends them keeps the record or the view that has them. */
static struct MHD_Response *
prepared_response(const struct reply *r)
{
	struct MHD_Response *response = r->prepared->response;

	if (response != NULL)
		return response;
	response = MHD_create_response_from_buffer(
		r->prepared->len, r->prepared->bytes, MHD_RESPMEM_PERSISTENT);
	assert(response != NULL);
	http_response_add_fields(response, r);
	return store_response(&r->prepared->response, response, false);
}

static const char *
file_name(const struct view_record *vr, char ret[IDENT_NAME_MAX])
{
	return vr->record.kind == RECORD_HEADER ? ident_header_name(&vr->record.ident, ret)
						: ident_file_name(&vr->record.ref.id, ret);
}

/* *ret_gone: it is not the file whose digest was looked at; else it could not be opened just now.
 */
static int
open_record(const struct http_response_files *f, const struct view_record *vr, bool *ret_gone)
{
	char name[IDENT_NAME_MAX];
	uint64_t bytes;
	int fd;

	fd = fs_open(repo_dir(f->repo), file_name(vr, name), &bytes, NULL);
	*ret_gone = fd < 0 && errno != EMFILE && errno != ENFILE;
	if (fd >= 0 && bytes != vr->record.ref.bytes) {
		fs_close(&fd);
		*ret_gone = true;
	}
	return fd;
}

/* Takes bytes. What is kept is sent often: the kernel gets it where it need not copy it. */
static struct MHD_Response *
bytes_response(char *bytes, size_t len, bool keep)
{
	void *body = keep ? bodies_new(bytes, len) : NULL;

	if (body == NULL)
		return MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
	free(bytes);
	return MHD_create_response_from_buffer_with_free_callback(len, body, bodies_free);
}

/* A small file is read once, and goes out together with its head. Takes fd. */
static struct MHD_Response *
response_in_memory(struct reply *r, int fd, bool keep)
{
	char *bytes = mem_new(r->len, 1);
	ssize_t got = pread(fd, bytes, r->len, (off_t)r->first);
	struct MHD_Response *response;

	(void)close(fd);
	if (got < 0 || (uint64_t)got != r->len) {
		r->file_gone = got >= 0; /* it has become shorter */
		free(bytes);
		return NULL;
	}
	response = bytes_response(bytes, r->len, keep);
	assert(response != NULL);
	http_response_add_fields(response, r);
	return response;
}

/* Takes fd. */
static struct MHD_Response *
fd_response(struct reply *r, int fd, bool keep)
{
	struct MHD_Response *response;

	if (r->len <= IN_MEMORY_BYTES)
		return response_in_memory(r, fd, keep);
	/* The library closes fd with the response. */
	response = MHD_create_response_from_fd_at_offset64(r->len, fd, r->first);
	if (response == NULL) {
		(void)close(fd);
		return NULL;
	}
	http_response_add_fields(response, r);
	return response;
}

/* Few are asked for, and seldom: none stays open. */
static struct MHD_Response *
document_response(const struct http_response_files *f, struct reply *r)
{
	AUTO_CLOSE int dir = fs_open_dir(repo_dir(f->repo), "tuf", NULL);
	uint64_t bytes = 0;
	int fd = dir >= 0 ? fs_open(dir, r->document->name, &bytes, NULL) : -1;

	if (fd < 0 || bytes != r->len) {
		r->file_gone = fd >= 0 || (errno != EMFILE && errno != ENFILE);
		fs_close(&fd);
		return NULL;
	}
	return fd_response(r, fd, false);
}

/* NULL: see http_response_new. */
static struct MHD_Response *
new_file_response(const struct http_response_files *f, struct reply *r, bool keep)
{
	int fd = open_record(f, r->vr, &r->file_gone);

	return fd < 0 ? NULL : fd_response(r, fd, keep);
}

/*
 * Of a file that became shorter since it was opened the library would send what is left, and then
 * wait for the rest for as long as the client does.
 */
static bool
changed_size(const struct http_response_files *f, const struct view_record *vr)
{
	char name[IDENT_NAME_MAX];
	struct stat st;

	return vr->record.ref.bytes > IN_MEMORY_BYTES &&
	       fstatat(repo_dir(f->repo), file_name(vr, name), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (uint64_t)st.st_size != vr->record.ref.bytes;
}

/*
 * Counted before it is compared, so that however many threads come at once none passes the limit;
 * who is one too many gives it back.
 */
static bool
take_open_file(const struct http_response_files *f)
{
	if (atomic_fetch_add(&open_files, 1) < f->max)
		return true;
	(void)atomic_fetch_sub(&open_files, 1);
	return false;
}

/* *ret_own: the caller has to destroy it, nobody keeps it. */
static struct MHD_Response *
file_response(const struct http_response_files *f, struct reply *r, bool *ret_own)
{
	bool whole = r->status == 200 && !r->alone;
	struct MHD_Response *response = whole ? r->vr->response : NULL;
	bool keep;

	*ret_own = false;
	if (response != NULL) {
		r->file_gone = changed_size(f, r->vr);
		return r->file_gone ? NULL : response;
	}
	keep = whole && take_open_file(f);
	response = new_file_response(f, r, keep);
	if (response == NULL && keep)
		(void)atomic_fetch_sub(&open_files, 1);
	*ret_own = !keep;
	return response == NULL || !keep ? response
					 : store_response(&r->vr->response, response, true);
}

struct MHD_Response *
http_response_new(const struct http_response_files *f, struct reply *r, bool *ret_own)
{
	struct MHD_Response *response;

	*ret_own = false;
	if (r->body == REPLY_PREPARED)
		return prepared_response(r);
	if (r->body == REPLY_FILE)
		return file_response(f, r, ret_own);
	*ret_own = true;
	if (r->body == REPLY_DOCUMENT)
		return document_response(f, r);
	response = MHD_create_response_from_buffer(r->text.len, r->text.at, MHD_RESPMEM_MUST_COPY);
	assert(response != NULL);
	http_response_add_fields(response, r);
	return response;
}
