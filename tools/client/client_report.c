/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli.h"
#include "model/doc.h"

static const struct {
	const char *name;
	int exit_code;
} results[] = {[UPDATE_UPDATED] = {"updated", CLI_OK},
	[UPDATE_REPAIRED] = {"repaired", CLI_OK},
	[UPDATE_CURRENT] = {"current", CLI_OK},
	[UPDATE_OLDER] = {"older", CLIENT_REPORT_NOTHING_COMES},
	[UPDATE_WITHDRAWN] = {"withdrawn", CLIENT_REPORT_NOTHING_COMES},
	[UPDATE_UNTRUSTED] = {"untrusted", CLIENT_REPORT_UNTRUSTED},
	[UPDATE_RETRY] = {"retry", CLI_TRY_LATER},
	[UPDATE_FAILED] = {"failed", CLI_FAILED}};

static json_t *
json_edition(const struct edition *edition)
{
	return edition->version > 0 ? json_integer((json_int_t)edition->version) : json_null();
}

/* By this run, or by the last one that asked; the texts stay those of u. */
static struct client_signed
known_signed(const struct update *u)
{
	if (u->signed_.newest > 0)
		return u->signed_;
	return (struct client_signed){.newest = u->had.newest,
		.security = u->had.security,
		.advisory = u->had.advisory[0] != '\0' ? (char *)(uintptr_t)u->had.advisory : NULL};
}

static json_t *
json_trust(const struct update *u)
{
	const struct client_signed known = known_signed(u);

	if (u->trust[0] == '\0')
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:b,s:o}", "asked",
		u->asked_s > 0 ? json_integer((json_int_t)u->asked_s) : json_null(), "state",
		cli_json_text(u->trust), "newest",
		known.newest > 0 ? json_integer((json_int_t)known.newest) : json_null(), "security",
		(int)known.security, "advisory",
		known.advisory != NULL ? cli_json_text(known.advisory) : json_null());
}

/* What is signed and not announced here yet, or held back. */
static void
print_newest(const struct update *u)
{
	const struct client_signed known = known_signed(u);

	if (u->trust[0] == '\0' || u->result == UPDATE_UNTRUSTED)
		return;
	(void)printf(strcmp(u->trust, "good") == 0 ? ", signed" : ", not looked up");
	if (known.newest > u->to.version)
		(void)printf(", the newest that is signed is %" PRIu64 "%s", known.newest,
			known.security ? ", which mends a hole" : "");
}

static void
print_json(const struct update *u, double seconds)
{
	json_t *object = json_pack("{s:s,s:o,s:o,s:s,s:o,s:I,s:f,s:o}", "type", u->type, "from",
		json_edition(&u->from), "to", json_edition(&u->to), "result",
		results[u->result].name, "via", u->via != NULL ? json_string(u->via) : json_null(),
		"bytes", (json_int_t)u->bytes, "seconds", seconds, "verified",
		u->verified_s > 0 ? json_integer((json_int_t)u->verified_s) : json_null());

	(void)json_object_set_new(object, "trust", json_trust(u));
	if (results[u->result].exit_code != CLI_OK)
		(void)json_object_set_new(object, "error", cli_json_text(u->why.text));
	cli_print_json(object);
	/* With --daemon the reader is a program that waits for the line. */
	(void)fflush(stdout);
}

/* What may be done about it, by the word that says what is wrong. */
static const char *
advice(const char *trust)
{
	static const struct {
		const char *word;
		const char *advice;
	} rows[] = {
		{"expired", "look at this machine's clock; else tell the publisher, or try another "
			    "server"},
		{"clock", "set the clock of this machine"},
		{"no-root", "get the root from somebody who knows that it is the right one"},
		{"changed", "see what else was changed on this machine"},
		{"unsigned",
			"tell the publisher; where he has begun anew, with other keys, get the new "
			"root from him"},
		{"missing", "ask whether this server hands out what is signed; else the publisher"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].word, trust) == 0)
			return rows[i].advice;
	return "try again later, and elsewhere; if it stays, somebody on the way hands out what is "
	       "not "
	       "the publisher's: tell him";
}

static void
print_text(const struct update *u, double seconds)
{
	char text[40] = "";

	(void)printf("%s: %s", u->type, results[u->result].name);
	if (u->to.version > 0)
		(void)printf(", version %" PRIu64, u->to.version);
	if (u->via != NULL)
		(void)printf(" by %s of %s in %.1f s", u->via,
			num_bytes_text(u->bytes, text, sizeof(text)), seconds);
	if (u->verified_s > 0)
		(void)printf(", verified %s", clock_text((int64_t)u->verified_s, text));
	print_newest(u);
	(void)putchar('\n');
	(void)fflush(stdout);
	if (results[u->result].exit_code == CLI_OK)
		return;
	(void)snprintf(text, sizeof(text), "; come back in %u s", u->retry_s);
	cli_complain("%s: %s%s", u->type, u->why.text,
		u->result == UPDATE_RETRY && u->retry_s > 0 ? text : "");
	if (u->result == UPDATE_UNTRUSTED)
		cli_complain("%s: what is installed stays. To do: %s", u->type, advice(u->trust));
}

int
client_report(const struct update *u, double seconds, bool json)
{
	(json ? print_json : print_text)(u, seconds);
	return results[u->result].exit_code;
}

int
client_report_worse(int a, int b)
{
	static const int order[] = {
		CLIENT_REPORT_UNTRUSTED, CLI_FAILED, CLIENT_REPORT_NOTHING_COMES, CLI_TRY_LATER};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return CLI_OK;
}
