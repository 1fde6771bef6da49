/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/probe.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cloud/vouch_root.h"
#include "net/source_trust.h"
#include "store/trusted_state.h"

struct probe {
	const struct options *options;
	const struct origin *origin;
	const struct proxy *proxy;
	struct upstream_reply reply;
	FILE *to;
};

static const char *const step_names[UPSTREAM_STEPS] = {[UPSTREAM_NAME] = "name",
	[UPSTREAM_CONNECT] = "connect",
	[UPSTREAM_PROXY] = "proxy",
	[UPSTREAM_TLS] = "TLS",
	[UPSTREAM_ANSWER] = "q"};

/*
 * A line of the report: which step, and how it went. Our own text is ASCII; in what was answered
 * any other byte could steer the terminal.
 */
__attribute__((format(printf, 3, 4))) static void
say(const struct probe *p, const char *step, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			*c = '?';
	(void)fprintf(p->to, "  %-9s %s\n", step, text);
}

/* Whether this upstream has such a step at all. */
static bool
has_step(const struct probe *p, enum upstream_step step)
{
	if (step == UPSTREAM_PROXY)
		return proxy_for(p->proxy, p->origin) != NULL;
	if (step == UPSTREAM_TLS)
		return p->origin->scheme == ORIGIN_HTTPS;
	return p->origin->scheme != ORIGIN_FILE || step == UPSTREAM_ANSWER;
}

/*
 * What may be done about the step that failed. Behind a proxy the name and the connection that
 * failed are the proxy's: this machine never looks up the upstream then.
 */
static const char *
advice(const struct probe *p)
{
	bool proxied = has_step(p, UPSTREAM_PROXY);

	switch (p->reply.step) {
	case UPSTREAM_NAME:
		return proxied ? "look whether the proxy's name is right, and whether this "
				 "machine's "
				 "DNS knows it"
			       : "look whether the host's name is right, and whether this "
				 "machine's "
				 "DNS knows it; behind a proxy, name the proxy";
	case UPSTREAM_CONNECT:
		return proxied ? "look whether the proxy runs, and whether its port is right; "
				 "nothing "
				 "goes past it"
			       : "look whether the server runs, whether its port is right, and "
				 "whether "
				 "a firewall wants a proxy to be used";
	case UPSTREAM_PROXY:
		return "look at user and password in data/fspms.proxy.config, and at what the "
		       "proxy "
		       "allows";
	case UPSTREAM_TLS:
		return "look whether this machine's clock is right, and whether its certificates "
		       "know the issuer (update-ca-certificates, or -DupstreamCaFile)";
	case UPSTREAM_ANSWER:
	case UPSTREAM_STEPS:
		break;
	}
	if (p->reply.outcome == UPSTREAM_PREPARING || p->reply.outcome == UPSTREAM_BUSY)
		return "come back later, or look at the log and the disk of the server there";
	if (p->reply.location[0] != '\0')
		return "name the new address in guts2ServerUrl, where it is to be trusted: "
		       "redirects are not followed";
	if (p->origin->scheme == ORIGIN_FILE)
		return "look whether the directory is a published repository, and may be read";
	return "look whether the path in guts2ServerUrl is right; a proxy or a portal may have "
	       "answered in the place of the server";
}

/* How it is asked: directly, and why, or through which proxy. A user is named, a password never. */
static void
say_way(const struct probe *p)
{
	const struct proxy_server *s = proxy_for(p->proxy, p->origin);
	const char *bypass = proxy_bypasses(p->proxy, p->origin->host);
	char name[300];

	if (p->origin->scheme == ORIGIN_FILE)
		return;
	if (s == NULL) {
		say(p, "way",
			bypass != NULL ? "directly: no_proxy has %s"
				       : "directly: no proxy is named%s",
			bypass != NULL ? bypass : "");
		return;
	}
	proxy_server_name(s, name, sizeof(name));
	say(p, "way", "through %s%s%s", name, s->user != NULL ? ", as " : "",
		s->user != NULL ? s->user : "");
}

/* The steps that were passed, and the one that was not. True: all were. */
static bool
say_steps(struct probe *p, bool good, const char *found)
{
	for (int i = 0; i < UPSTREAM_STEPS; i++) {
		enum upstream_step step = (enum upstream_step)i;

		if (!has_step(p, step))
			continue;
		if (!good && step == p->reply.step) {
			say(p, step_names[i], "FAILED: %s", p->reply.why.text);
			say(p, "", "To do: %s.", advice(p));
			return false;
		}
		say(p, step_names[i], "ok%s%s",
			step == UPSTREAM_CONNECT && p->reply.address[0] != '\0' ? ": " : "",
			step == UPSTREAM_CONNECT ? p->reply.address
						 : (step == UPSTREAM_ANSWER ? found : ""));
	}
	return true;
}

/*
 * Hosts that cut a name at its semicolon, or refuse one, hand out q and nothing else. A server
 * above may have to obtain what is asked for first, which is as good as having it.
 */
static bool
say_document(struct probe *p, const char *step, bool good)
{
	if (good || p->reply.outcome == UPSTREAM_PREPARING) {
		say(p, step, good ? "ok" : "ok: it is being prepared there");
		return true;
	}
	say(p, step, "FAILED: %s", p->reply.why.text);
	say(p, "",
		"To do: look whether the host hands out names with ; and = as they are "
		"(guts2(7), REQUESTS).");
	return false;
}

/* The header and the full archive's offer of the first version that is announced. */
static bool
probe_documents(
	struct probe *p, struct upstream *u, struct source *source, const struct ident *ident)
{
	struct source_request header = {.what = SOURCE_HEADER, .ident = *ident};
	struct source_request offer = {
		.what = SOURCE_OFFER, .ident = *ident, .format = FORMAT_COUNT - 1};
	AUTO_HEADER struct header *parsed = NULL;
	bool good;

	source_fetch(u, source, &header, &p->reply);
	good = p->reply.outcome == UPSTREAM_FRESH &&
	       source_header(&header, &parsed, &p->reply) == 0;
	good = say_document(p, "h", good);
	source_clear(&header);
	if (!good)
		return false;
	source_fetch(u, source, &offer, &p->reply);
	good = say_document(p, "o", p->reply.outcome == UPSTREAM_FRESH);
	source_clear(&offer);
	return good;
}

/* ---- What is signed */

/* Without a root nothing can be said but whether there is anything. */
static bool
probe_unpinned(struct probe *p, struct upstream *u, struct source *source, const char *path)
{
	struct source_request request = {.what = SOURCE_TRUST,
		.trust_file = "tuf/timestamp.json",
		.trust_bytes_max = TRUST_TIMESTAMP_BYTES_MAX};
	bool is_signed;

	source_fetch(u, source, &request, &p->reply);
	is_signed = p->reply.outcome == UPSTREAM_FRESH;
	source_clear(&request);
	if (!is_signed) {
		say(p, "tuf", "not signed");
		return true;
	}
	say(p, "tuf", "WARNING: signed, and no root is pinned here");
	say(p, "",
		"To do: get its root from somebody who knows that it is the right one, as a file, "
		"and put it at %s.",
		path);
	return true;
}

static void
say_role(struct probe *p, const struct trust *t, enum role role)
{
	const struct metadata *m = trust_role(t, role);
	char until[CLOCK_TEXT];

	say(p, metadata_role_name(role), "ok: version %" PRIu64 ", good until %s", m->version,
		clock_text(m->expires_s, until));
}

/* The first type that is announced stands for all. */
static bool
probe_role(
	struct probe *p, const struct source_trust *s, struct trust *t, const struct ident *ident)
{
	char name[IDENT_NAME_MAX];
	const struct listed *listed;

	trust_find(t, ident_header_name(ident, name));
	source_trust_run(s, t, &p->reply);
	listed = p->reply.outcome == UPSTREAM_FRESH ? trust_found(t) : NULL;
	if (listed != NULL) {
		say(p, "role", "ok: %s is listed", name);
		return true;
	}
	if (p->reply.outcome == UPSTREAM_PREPARING) {
		say(p, "role", "ok: it is being prepared there");
		return true;
	}
	say(p, "role", "FAILED: %s: %s", name,
		p->reply.outcome == UPSTREAM_FRESH ? "not-listed: nobody has signed it"
						   : p->reply.why.text);
	say(p, "", "To do: ask whoever publishes it; nothing of it will be announced.");
	return false;
}

static bool
probe_pinned(struct probe *p, struct upstream *u, struct source *source, struct span root,
	const struct ident *ident)
{
	struct trusted kept = {.dir = -1};
	const struct source_trust s = {
		.upstream = u, .source = source, .below = "tuf/", .kept = &kept};
	struct err e = {0};
	struct trust *t = NULL;
	bool good = false;

	if (verdict_check_clock(time(NULL), &e) == 0)
		t = trust_new(root, time(NULL), &e);
	if (t != NULL) {
		source_trust_run(&s, t, &p->reply);
		good = p->reply.outcome == UPSTREAM_FRESH;
		e = p->reply.why;
	}
	for (int role = 0; good && role < ROLE_COUNT; role++)
		say_role(p, t, (enum role)role);
	if (!good) {
		say(p, "tuf", "FAILED: %s", e.text);
		say(p, "",
			"To do: look whether the pinned root is the right one, and this machine's "
			"clock; "
			"nothing that is new will be announced.");
	} else if (ident->edition.version > 0) {
		good = probe_role(p, &s, t, ident);
	}
	trust_free(t);
	trusted_clear(&kept);
	return good;
}

static bool
probe_trust(struct probe *p, struct upstream *u, struct source *source, const struct ident *ident)
{
	AUTO_FREE char *path = vouch_root_path(p->options);
	AUTO_BUF struct buf root = {0};
	struct err e = {0};

	if (fs_read(AT_FDCWD, path, TRUST_ROOT_BYTES_MAX, &root, &e) == 0)
		return probe_pinned(p, u, source, span_of(root.at, root.len), ident);
	if (e.code == ERR_MISSING && p->options->trustRoot[0] == '\0')
		return probe_unpinned(p, u, source, path);
	say(p, "tuf", "FAILED: %s", e.text);
	return false;
}

static bool
probe_one(struct probe *p, struct upstream *u)
{
	struct source source = {.origin = p->origin};
	struct source_request request = {.what = SOURCE_QUERY};
	char found[64] = "";
	struct ident first = {0};
	bool good;

	(void)fprintf(p->to, "%s\n", p->origin->base);
	say_way(p);
	/*
	 * The same call as the server's, with the same proxy and certificates: what works here
	 * works there.
	 */
	source_fetch(u, &source, &request, &p->reply);
	good = p->reply.outcome == UPSTREAM_FRESH;
	(void)snprintf(found, sizeof(found), ": %zu types", request.query.count);
	if (request.query.count > 0)
		first = request.query.at[0];
	source_clear(&request);
	return say_steps(p, good, found) &&
	       (first.edition.version == 0 || probe_documents(p, u, &source, &first)) &&
	       probe_trust(p, u, &source, &first);
}

int
probe_upstreams(const struct options *o, struct settings *settings, FILE *to)
{
	struct policy *policy = settings_take(settings);
	struct origins origins;
	struct upstream *u = NULL;
	struct err e = {0};
	int failed = 0;

	if (origins_parse(o->guts2ServerUrl, &origins, &e) != 0 || upstream_new(&u, &e) != 0) {
		(void)fprintf(to, "%s\n", e.text);
		settings_release(policy);
		return -1;
	}
	upstream_set_proxy(u, policy->proxy);
	upstream_set_ca_file(u, o->upstreamCaFile);
	for (size_t i = 0; i < origins.count; i++) {
		struct probe p = {
			.options = o, .origin = &origins.at[i], .proxy = policy->proxy, .to = to};

		failed += !probe_one(&p, u);
	}
	upstream_free(u);
	origins_free(&origins);
	settings_release(policy);
	return failed == 0 ? 0 : -1;
}
