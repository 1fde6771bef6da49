/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/ident.h"

/* ---- Values of the document */

static bool
is_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

static const char *
text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "";
}

/* ---- HTML */

/* Between tags and in quotes alike. */
static void
put_text(struct buf *to, const char *value)
{
	for (; *value != '\0'; value++) {
		switch (*value) {
		case '&':
			buf_printf(to, "&amp;");
			break;
		case '<':
			buf_printf(to, "&lt;");
			break;
		case '>':
			buf_printf(to, "&gt;");
			break;
		case '"':
			buf_printf(to, "&quot;");
			break;
		case '\'':
			buf_printf(to, "&#39;");
			break;
		default:
			buf_add(to, value, 1);
		}
	}
}

static void
put_bytes(struct buf *to, int64_t bytes)
{
	char text[32];

	buf_printf(to, "%s", num_bytes_text((uint64_t)bytes, text, sizeof(text)));
}

static void
put_time(struct buf *to, int64_t s, int64_t now_s)
{
	char when[CLOCK_TEXT];
	char span[32];

	if (s <= 0) {
		buf_printf(to, "<span class=\"soft\">never</span>");
		return;
	}
	(void)num_span_text((uint64_t)(s > now_s ? s - now_s : now_s - s), span, sizeof(span));
	(void)clock_text(s, when);
	buf_printf(to,
		s > now_s ? "<time datetime=\"%s\" title=\"%s\">in %s</time>"
			  : "<time datetime=\"%s\" title=\"%s\">%s ago</time>",
		when, when, span);
}

static void
begin_section(struct buf *to, const char *id, const char *title)
{
	buf_printf(to, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", id, id, title);
}

static void
end_section(struct buf *to)
{
	buf_printf(to, "</section>\n");
}

/* Heads with a "#" in front are of numbers. */
static void
begin_table(struct buf *to, const char *caption, const char *const *heads, size_t count)
{
	buf_printf(to,
		"<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"%s, table\">"
		"<table>\n<tr>",
		caption);
	for (size_t i = 0; i < count; i++)
		buf_printf(to, "<th scope=\"col\"%s>%s</th>",
			heads[i][0] == '#' ? " class=\"n\"" : "", heads[i] + (heads[i][0] == '#'));
	buf_printf(to, "</tr>\n");
}

static void
end_table(struct buf *to)
{
	buf_printf(to, "</table></div>\n");
}

static void
put_cell(struct buf *to, const char *value)
{
	buf_printf(to, "<td>");
	put_text(to, value);
	buf_printf(to, "</td>");
}

static void
put_number_cell(struct buf *to, int64_t n)
{
	buf_printf(to, "<td class=\"n\">%" PRId64 "</td>", n);
}

static void
put_bytes_cell(struct buf *to, int64_t bytes)
{
	buf_printf(to, "<td class=\"n\">");
	put_bytes(to, bytes);
	buf_printf(to, "</td>");
}

static void
put_time_cell(struct buf *to, int64_t s, int64_t now_s)
{
	buf_printf(to, "<td class=\"n\">");
	put_time(to, s, now_s);
	buf_printf(to, "</td>");
}

/* ---- Sections */

static void
put_state(struct buf *to, const json_t *status)
{
	const char *state = text(status, "state");
	const json_t *reasons = json_object_get(status, "reasons");
	char when[CLOCK_TEXT];
	json_t *reason;
	size_t i;

	buf_printf(to, "<div class=\"state %s\" role=\"status\"><strong>%s</strong>\n", state,
		strcmp(state, "good") == 0  ? "All is well"
		: strcmp(state, "bad") == 0 ? "Somebody must act"
					    : "Attention");
	if (json_array_size(reasons) > 0) {
		buf_printf(to, "<ul>\n");
		json_array_foreach (reasons, i, reason) {
			buf_printf(to, "<li><a href=\"#%s\">", text(reason, "section"));
			put_text(to, text(reason, "text"));
			buf_printf(to, "</a></li>\n");
		}
		buf_printf(to, "</ul>\n");
	}
	buf_printf(to, "<p id=\"note\" class=\"soft\">As of %s; started ",
		clock_text(doc_integer(status, "time"), when));
	put_time(to, doc_integer(status, "started"), doc_integer(status, "time"));
	buf_printf(to, ".</p></div>\n");
}

static void
put_types(struct buf *to, const json_t *status)
{
	static const char *const heads[] = {"Type", "#Announced", "#Age", "#Versions kept",
		"#Full archives", "#Differences", "#Bytes", "#Served"};
	const json_t *all = json_object_get(status, "types");
	int64_t now_s = doc_integer(status, "time");
	json_t *one;
	size_t i;

	begin_section(to, "types", "Types");
	if (json_array_size(all) == 0) {
		buf_printf(to, "<p>None: nothing is known of the cloud yet.</p>\n");
		end_section(to);
		return;
	}
	begin_table(to, "Types", heads, sizeof(heads) / sizeof(*heads));
	json_array_foreach (all, i, one) {
		int64_t version = doc_integer(one, "version");

		buf_printf(to, "<tr>");
		put_cell(to, text(one, "type"));
		put_number_cell(to, version);
		if (ident_is_time(version))
			put_time_cell(to, version, now_s);
		else
			put_cell(to, "");
		put_number_cell(to, doc_integer(one, "kept"));
		put_number_cell(to, doc_integer(one, "full"));
		put_number_cell(to, doc_integer(one, "differences"));
		put_bytes_cell(to, doc_integer(one, "bytes"));
		put_time_cell(to, doc_integer(one, "served"), now_s);
		buf_printf(to, "</tr>\n");
	}
	end_table(to);
	end_section(to);
}

static void
put_pair(struct buf *to, const char *name)
{
	buf_printf(to, "<dt>%s</dt><dd>", name);
}

static void
put_pair_bytes(struct buf *to, const char *name, int64_t bytes)
{
	put_pair(to, name);
	put_bytes(to, bytes);
	buf_printf(to, "</dd>\n");
}

static void
put_pair_number(struct buf *to, const char *name, int64_t n)
{
	put_pair(to, name);
	buf_printf(to, "%" PRId64 "</dd>\n", n);
}

static void
put_traffic(struct buf *to, const json_t *status)
{
	const json_t *traffic = json_object_get(status, "traffic");

	begin_section(to, "traffic", "Traffic since the start");
	buf_printf(to, "<dl>\n");
	put_pair_bytes(to, "From upstreams", doc_integer(traffic, "received"));
	put_pair_bytes(to, "To clients", doc_integer(traffic, "sent"));
	put_pair_bytes(to, "of that, differences", doc_integer(traffic, "differences"));
	put_pair_bytes(to, "Spared upstreams", doc_integer(traffic, "spared"));
	put_pair_number(to, "Polls", doc_integer(traffic, "polls"));
	put_pair_number(to, "Led to the full archive (301)", doc_integer(traffic, "moved"));
	put_pair_number(to, "Told to come back (503)", doc_integer(traffic, "unavailable"));
	buf_printf(to, "</dl>\n");
	end_section(to);
}

static void
put_job(struct buf *to, const json_t *job)
{
	int64_t total = doc_integer(job, "total");

	buf_printf(to, "<tr>");
	put_cell(to, text(job, "name"));
	put_cell(to, is_true(job, "running") ? "runs" : "waits");
	buf_printf(to, "<td>");
	if (total > 0)
		buf_printf(to,
			"<progress aria-label=\"done\" value=\"%" PRId64 "\" max=\"%" PRId64
			"\"></progress> ",
			doc_integer(job, "have"), total);
	put_bytes(to, doc_integer(job, "have"));
	buf_printf(to, "</td><td class=\"n\">");
	put_bytes(to, doc_integer(job, "rate"));
	buf_printf(to, "/s</td></tr>\n");
}

static void
put_jobs(struct buf *to, const json_t *status)
{
	static const char *const heads[] = {"What", "State", "Done", "#Rate"};
	const json_t *all = json_object_get(status, "jobs");
	json_t *one;
	size_t i;

	begin_section(to, "jobs", "What runs now");
	if (json_array_size(all) == 0) {
		buf_printf(to, "<p>Nothing.</p>\n");
	} else {
		begin_table(to, "What runs now", heads, sizeof(heads) / sizeof(*heads));
		json_array_foreach (all, i, one) {
			put_job(to, one);
		}
		end_table(to);
	}
	end_section(to);
}

static const char *
upstream_state(const char *word)
{
	static const char *const states[][2] = {{"unasked", "was not needed yet"},
		{"answers", "answers"}, {"untrusted", "shows nothing that is trusted"},
		{"fails", "does not answer as it should"},
		{"rests", "is left alone for a while, after failures or as it said"}};

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (strcmp(states[i][0], word) == 0)
			return states[i][1];
	return word;
}

static void
put_upstreams(struct buf *to, const json_t *status)
{
	static const char *const heads[] = {"Upstream", "State", "#Last good answer"};
	const json_t *all = json_object_get(status, "upstreams");
	json_t *one;
	size_t i;

	begin_section(to, "upstreams", "Upstreams");
	begin_table(to, "Upstreams", heads, sizeof(heads) / sizeof(*heads));
	json_array_foreach (all, i, one) {
		buf_printf(to, "<tr>");
		put_cell(to, text(one, "url"));
		put_cell(to, upstream_state(text(one, "state")));
		put_time_cell(to, doc_integer(one, "good"), doc_integer(status, "time"));
		buf_printf(to, "</tr>\n");
	}
	end_table(to);
	end_section(to);
}

static void
put_disk(struct buf *to, const json_t *status)
{
	const json_t *disk = json_object_get(status, "disk");

	begin_section(to, "disk", "Disk");
	buf_printf(to, "<dl>\n");
	put_pair_bytes(to, "The cache", doc_integer(disk, "cache"));
	if (doc_integer(disk, "cache_max") > 0)
		put_pair_bytes(to, "which may become", doc_integer(disk, "cache_max"));
	put_pair_bytes(to, "Free", doc_integer(disk, "free"));
	put_pair_bytes(to, "of", doc_integer(disk, "bytes"));
	put_pair_bytes(to, "which is to stay free", doc_integer(disk, "free_min"));
	buf_printf(to, "</dl>\n");
	end_section(to);
}

static void
put_integrity(struct buf *to, const json_t *status)
{
	const json_t *integrity = json_object_get(status, "integrity");
	const json_t *until = json_object_get(integrity, "signed_until");
	int64_t now_s = doc_integer(status, "time");

	begin_section(to, "integrity", "Integrity");
	buf_printf(to, "<dl>\n");
	put_pair_number(to, "Things in the cache", doc_integer(integrity, "records"));
	put_pair_number(to, "not read since the start", doc_integer(integrity, "not_yet"));
	put_pair(to, "The longest unread was read");
	put_time(to, doc_integer(integrity, "oldest_check"), now_s);
	buf_printf(to, "</dd>\n");
	put_pair(to, "Signed");
	if (json_is_integer(until)) {
		buf_printf(to, "until ");
		put_time(to, json_integer_value(until), now_s);
	} else {
		buf_printf(to, "no root is pinned, or nothing was verified yet");
	}
	buf_printf(to, "</dd>\n</dl>\n");
	end_section(to);
}

static void
put_events(struct buf *to, const json_t *status)
{
	static const char *const heads[] = {"Event", "#Last"};
	const json_t *all = json_object_get(status, "events");
	json_t *one;
	size_t i;

	begin_section(to, "events", "In the log, and not over");
	if (json_array_size(all) == 0) {
		buf_printf(to, "<p>Nothing.</p>\n");
	} else {
		begin_table(to, "Events", heads, sizeof(heads) / sizeof(*heads));
		json_array_foreach (all, i, one) {
			buf_printf(to, "<tr>");
			put_cell(to, text(one, "event"));
			put_time_cell(to, doc_integer(one, "last"), doc_integer(status, "time"));
			buf_printf(to, "</tr>\n");
		}
		end_table(to);
	}
	end_section(to);
}

static void
put_settings(struct buf *to, const json_t *status)
{
	static const char *const heads[] = {"Setting", "Value", "From"};
	const json_t *all = json_object_get(status, "settings");
	json_t *one;
	size_t i;

	begin_section(to, "program", "Settings in force");
	begin_table(to, "Settings in force", heads, sizeof(heads) / sizeof(*heads));
	json_array_foreach (all, i, one) {
		buf_printf(to, "<tr>");
		put_cell(to, text(one, "name"));
		put_cell(to, text(one, "value"));
		put_cell(to, text(one, "from"));
		buf_printf(to, "</tr>\n");
	}
	end_table(to);
	end_section(to);
}

void
page_print(const json_t *status, struct buf *to)
{
	buf_printf(to,
		"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<title>guts2d</title>\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		"<link rel=\"icon\" href=\"data:,\">"
		"<link rel=\"stylesheet\" href=\"style.css\">"
		"<script src=\"script.js\" defer></script></head>\n<body>\n<main>\n<h1>guts2d ");
	put_text(to, text(status, "version"));
	buf_printf(to, "</h1>\n");
	put_state(to, status);
	put_types(to, status);
	put_traffic(to, status);
	put_jobs(to, status);
	put_upstreams(to, status);
	put_disk(to, status);
	put_integrity(to, status);
	put_events(to, status);
	put_settings(to, status);
	buf_printf(to,
		"<p class=\"soft\">The same for programs: <a href=\"api/status\">api/status</a>, "
		"<a href=\"metrics\">metrics</a>.</p>\n</main>\n</body></html>\n");
}
