/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/admin_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "model/ident.h"

/* Cleaned; the caller frees. */
static char *
text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return cli_cleaned(value != NULL ? value : "");
}

/* How long ago that was; "in ..." where it is to come. */
static char *
when(int64_t s, int64_t now_s, char *ret, size_t size)
{
	char span[32];

	if (s <= 0) {
		(void)snprintf(ret, size, "never");
		return ret;
	}
	(void)num_span_text((uint64_t)(s > now_s ? s - now_s : now_s - s), span, sizeof(span));
	(void)snprintf(ret, size, s > now_s ? "in %s" : "%s ago", span);
	return ret;
}

static char *
bytes(int64_t n, char *ret, size_t size)
{
	return num_bytes_text((uint64_t)n, ret, size);
}

/* ---- All of it in a few lines */

static void
show_state(const json_t *status, bool colour)
{
	AUTO_FREE char *state = text(status, "state");
	const json_t *reasons = json_object_get(status, "reasons");
	const char *paint = strcmp(state, "good") == 0	? "\033[32m"
			    : strcmp(state, "bad") == 0 ? "\033[31m"
							: "\033[33m";
	json_t *reason;
	size_t i;

	(void)printf("%s%s%s\n", colour ? paint : "", state, colour ? "\033[0m" : "");
	json_array_foreach (reasons, i, reason) {
		AUTO_FREE char *why = text(reason, "text");

		(void)printf("  %s\n", why);
	}
}

static void
show_line(const char *name, const char *value)
{
	(void)printf("%-11s %s\n", name, value);
}

static void
show_traffic(const json_t *status)
{
	const json_t *traffic = json_object_get(status, "traffic");
	char received[32];
	char sent[32];
	char spared[32];

	(void)printf("traffic     %s from upstreams, %s to clients, %s spared\n",
		bytes(doc_integer(traffic, "received"), received, sizeof(received)),
		bytes(doc_integer(traffic, "sent"), sent, sizeof(sent)),
		bytes(doc_integer(traffic, "spared"), spared, sizeof(spared)));
	(void)printf("            %" PRId64 " polls, %" PRId64 " led to the full archive, %" PRId64
		     " told to come back\n",
		doc_integer(traffic, "polls"), doc_integer(traffic, "moved"),
		doc_integer(traffic, "unavailable"));
}

static void
show_disk(const json_t *status)
{
	const json_t *disk = json_object_get(status, "disk");
	char cache[32];
	char free_text[32];
	char all[32];

	(void)printf("disk        cache %s, free %s of %s\n",
		bytes(doc_integer(disk, "cache"), cache, sizeof(cache)),
		bytes(doc_integer(disk, "free"), free_text, sizeof(free_text)),
		bytes(doc_integer(disk, "bytes"), all, sizeof(all)));
}

static void
show_integrity(const json_t *status)
{
	const json_t *integrity = json_object_get(status, "integrity");
	const json_t *until = json_object_get(integrity, "signed_until");
	int64_t now_s = doc_integer(status, "time");
	char check[48];
	char expires[48];

	(void)printf("integrity   %" PRId64 " in the cache, the longest unread %s\n",
		doc_integer(integrity, "records"),
		when(doc_integer(integrity, "oldest_check"), now_s, check, sizeof(check)));
	if (json_is_integer(until))
		(void)printf("            what is signed expires %s\n",
			when(json_integer_value(until), now_s, expires, sizeof(expires)));
	else
		(void)printf("            not signed\n");
}

void
admin_show_status(const json_t *status, bool colour)
{
	AUTO_FREE char *version = text(status, "version");
	AUTO_FREE char *program = NULL;
	char started[48];
	char count[64];

	show_state(status, colour);
	program = mem_printf("guts2d %s, started %s", version,
		when(doc_integer(status, "started"), doc_integer(status, "time"), started,
			sizeof(started)));
	show_line("program", program);
	(void)snprintf(count, sizeof(count), "%zu, %zu jobs run or wait",
		json_array_size(json_object_get(status, "types")),
		json_array_size(json_object_get(status, "jobs")));
	show_line("types", count);
	show_traffic(status);
	show_disk(status);
	show_integrity(status);
	admin_show_upstreams(status);
}

/* ---- Tables */

void
admin_show_types(const json_t *status)
{
	int64_t now_s = doc_integer(status, "time");
	json_t *one;
	size_t i;

	(void)printf("%-24s %16s %10s %4s %4s %4s %9s %s\n", "TYPE", "ANNOUNCED", "AGE", "KEPT",
		"FULL", "DIFF", "SIZE", "SERVED");
	json_array_foreach (json_object_get(status, "types"), i, one) {
		AUTO_FREE char *type = text(one, "type");
		int64_t version = doc_integer(one, "version");
		char age[48] = "";
		char size[32];
		char served[48];

		if (ident_is_time(version))
			(void)num_span_text((uint64_t)(now_s > version ? now_s - version : 0), age,
				sizeof(age));
		(void)printf("%-24s %16" PRId64 " %10s %4" PRId64 " %4" PRId64 " %4" PRId64
			     " %9s %s\n",
			type, version, age, doc_integer(one, "kept"), doc_integer(one, "full"),
			doc_integer(one, "differences"),
			bytes(doc_integer(one, "bytes"), size, sizeof(size)),
			when(doc_integer(one, "served"), now_s, served, sizeof(served)));
	}
}

void
admin_show_jobs(const json_t *status)
{
	json_t *one;
	size_t i;

	(void)printf("%-5s %9s %9s %11s %s\n", "STATE", "HAVE", "OF", "RATE", "WHAT");
	json_array_foreach (json_object_get(status, "jobs"), i, one) {
		AUTO_FREE char *name = text(one, "name");
		char have[32];
		char total[32];
		char rate[32];

		(void)printf("%-5s %9s %9s %9s/s %s\n",
			json_is_true(json_object_get(one, "running")) ? "runs" : "waits",
			bytes(doc_integer(one, "have"), have, sizeof(have)),
			doc_integer(one, "total") > 0
				? bytes(doc_integer(one, "total"), total, sizeof(total))
				: "?",
			bytes(doc_integer(one, "rate"), rate, sizeof(rate)), name);
	}
}

void
admin_show_upstreams(const json_t *status)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(status, "upstreams"), i, one) {
		AUTO_FREE char *url = text(one, "url");
		AUTO_FREE char *state = text(one, "state");
		char good[48];

		(void)printf("upstream    %s: %s, last good answer %s\n", url, state,
			when(doc_integer(one, "good"), doc_integer(status, "time"), good,
				sizeof(good)));
	}
}

void
admin_show_settings(const json_t *status)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(status, "settings"), i, one) {
		AUTO_FREE char *name = text(one, "name");
		AUTO_FREE char *value = text(one, "value");
		AUTO_FREE char *from = text(one, "from");

		(void)printf("%s=%s  # %s\n", name, value, from);
	}
}
