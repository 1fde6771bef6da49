/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fields.h - what header fields of a request ask for (RFC 9110, RFC 7240).
 *
 * Units:    bytes; seconds
 */
#ifndef FIELDS_H
#define FIELDS_H

#include <stdbool.h>
#include <stdint.h>

enum range_kind { RANGE_NONE, RANGE_PART, RANGE_UNSATISFIABLE };

/*
 * One range of a file of size bytes; several, or none that is valid, ask for all. A number of any
 * length is one: what no file can have lies behind its end.
 */
enum range_kind fields_range(
	const char *value, uint64_t size, uint64_t *ret_first, uint64_t *ret_len);

/* Whether If-None-Match names this ETag, weak or not; quotes belong to it. */
bool fields_etag_matches(const char *value, const char *etag);

/* Whether If-Range, where it is there, is this very ETag: a weak one is none, nor is a date. */
bool fields_if_range_matches(const char *value, const char *etag);

/* Whether Accept has a media type, and not with q=0. */
bool fields_accepts(const char *value, const char *type);

/* N of Prefer: wait=N, a day at the most; 0: not there. */
uint64_t fields_prefer_wait_s(const char *value);

/* An HTTP date, as in If-Modified-Since, in seconds since 1970; false: not one. */
bool fields_date(const char *value, uint64_t *ret_s);

/*
 * What is at one address changes, and dates have whole seconds: the date from which on somebody has
 * what came at landed_ms (ret_s), and the one to send with it at now_ms (returned), both in seconds
 * since 1970. Soon after it came a date is sent that is too old, so that who has it asks in vain
 * once more, and never keeps it for what comes in the same second. The one to send is never after
 * now, be it that the clock was set back since.
 */
uint64_t fields_modified_s(uint64_t landed_ms, uint64_t now_ms, uint64_t *ret_s);

enum { FIELDS_DATE = 32 };
/* Such a date. Returns ret. */
char *fields_date_text(uint64_t s, char ret[FIELDS_DATE]);

#endif
