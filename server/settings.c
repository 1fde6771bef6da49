/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "log.h"

/* What a file is known by: another one differs in some of it. */
struct mark {
	bool there;
	struct stat st;
};

struct settings {
	char *path[SETTINGS_FILES];
	pthread_mutex_t lock; /* current, for as long as it takes to count a reference */
	struct policy *current;
	pthread_mutex_t readers;	  /* one reads the files at a time; the marks */
	struct mark read[SETTINGS_FILES]; /* as they were when they were read */
	struct mark seen[SETTINGS_FILES]; /* at the last look */
};

static void
look_at(const struct settings *p, struct mark ret[SETTINGS_FILES])
{
	memset(ret, 0, SETTINGS_FILES * sizeof(*ret));
	for (int i = 0; i < SETTINGS_FILES; i++)
		ret[i].there = stat(p->path[i], &ret[i].st) == 0;
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/*
 * A file that is written over, renamed over or restored differs in at least one of these: who sets
 * back the time of its content cannot set that of its inode (stat(2), st_ctime).
 */
static bool
same_marks(const struct mark a[SETTINGS_FILES], const struct mark b[SETTINGS_FILES])
{
	bool same = true;

	for (int i = 0; i < SETTINGS_FILES; i++)
		same = same && a[i].there == b[i].there && a[i].st.st_ino == b[i].st.st_ino &&
		       a[i].st.st_size == b[i].st.st_size &&
		       same_time(a[i].st.st_mtim, b[i].st.st_mtim) &&
		       same_time(a[i].st.st_ctim, b[i].st.st_ctim);
	return same;
}

static struct policy *
policy_new(void)
{
	struct policy *policy = mem_new(1, sizeof(*policy));

	policy->references = 1;
	policy->proxy = &policy->own_proxy;
	policy->channels = &policy->own_channels;
	return policy;
}

static int
read_file(const struct settings *p, enum settings_file file, struct policy *policy, struct err *e)
{
	if (file == SETTINGS_PROXY)
		return proxy_read(p->path[file], &policy->own_proxy, e);
	return channels_read(p->path[file], &policy->own_channels, e);
}

int
settings_new(const struct options *o, struct settings **ret, struct err *e)
{
	struct settings *p = mem_new(1, sizeof(*p));

	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_mutex_init(&p->readers, NULL);
	p->path[SETTINGS_PROXY] = mem_printf("%s/data/fspms.proxy.config", o->root);
	p->path[SETTINGS_CHANNELS] = mem_printf("%s/config/channels.json", o->root);
	p->current = policy_new();
	/*
	 * Before the files are read: what is written meanwhile has another mark, and is read again.
	 */
	look_at(p, p->read);
	memcpy(p->seen, p->read, sizeof(p->seen));
	for (int i = 0; i < SETTINGS_FILES; i++)
		if (read_file(p, (enum settings_file)i, p->current, e) != 0) {
			settings_free(p);
			return -1;
		}
	*ret = p;
	return 0;
}

void
settings_free(struct settings *p)
{
	if (p == NULL)
		return;
	settings_release(p->current);
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_mutex_destroy(&p->readers);
	for (int i = 0; i < SETTINGS_FILES; i++)
		free(p->path[i]);
	free(p);
}

struct policy *
settings_take(struct settings *p)
{
	struct policy *policy;

	(void)pthread_mutex_lock(&p->lock);
	/*
	 * Reading and counting are one step: between them the policy could go with its last
	 * reference.
	 */
	policy = p->current;
	(void)atomic_fetch_add(&policy->references, 1);
	(void)pthread_mutex_unlock(&p->lock);
	return policy;
}

/* With the last reference a policy lets go of those that it borrows from. */
void
settings_release(struct policy *policy)
{
	if (policy == NULL || atomic_fetch_sub(&policy->references, 1) != 1)
		return;
	for (int i = 0; i < SETTINGS_FILES; i++)
		settings_release(policy->lender[i]);
	proxy_free(&policy->own_proxy);
	channels_free(&policy->own_channels);
	free(policy);
}

static void
log_file(enum log_event event, const char *path, const char *reason)
{
	struct log_line l;

	log_begin(&l, event);
	log_text(&l, "file", path);
	if (reason != NULL)
		log_text(&l, "reason", reason);
	log_end(&l, LOG_PROCESS);
}

/*
 * What is in force of a file stays so. It is borrowed from the policy that owns it: one file that
 * stays bad over many reloads makes no chain of policies.
 */
static void
borrow(struct policy *policy, struct policy *from, enum settings_file file)
{
	struct policy *owner = from->lender[file] != NULL ? from->lender[file] : from;

	(void)atomic_fetch_add(&owner->references, 1);
	policy->lender[file] = owner;
	if (file == SETTINGS_PROXY)
		policy->proxy = owner->proxy;
	else
		policy->channels = owner->channels;
}

/* The old policy goes without the lock, which requests wait for. */
static void
replace(struct settings *p, struct policy *take_new)
{
	struct policy *old;

	(void)pthread_mutex_lock(&p->lock);
	old = p->current;
	p->current = take_new;
	(void)pthread_mutex_unlock(&p->lock);
	settings_release(old);
}

bool
settings_reload(struct settings *p)
{
	struct policy *policy = policy_new();
	struct err e = {0};
	int good = 0;

	(void)pthread_mutex_lock(&p->readers); /* only readers change what is current */
	look_at(p, p->read);
	for (int i = 0; i < SETTINGS_FILES; i++) {
		enum settings_file file = (enum settings_file)i;

		if (read_file(p, file, policy, &e) == 0) {
			good++;
			log_file(EVENT_SETTINGS, p->path[i], NULL);
			continue;
		}
		log_file(EVENT_SETTINGS_BAD, p->path[i], e.text);
		borrow(policy, p->current, file);
	}
	replace(p, policy);
	(void)pthread_mutex_unlock(&p->readers);
	return good > 0;
}

bool
settings_look(struct settings *p)
{
	struct mark now[SETTINGS_FILES];
	bool due;

	(void)pthread_mutex_lock(&p->readers);
	/*
	 * A file with an error has its mark in `read` too: it is complained about once, not at
	 * every look.
	 */
	look_at(p, now);
	due = !same_marks(now, p->read) && same_marks(now, p->seen);
	memcpy(p->seen, now, sizeof(p->seen));
	(void)pthread_mutex_unlock(&p->readers);
	return due && settings_reload(p);
}

/* ---- For people */

static void
print_server(const char *key, const struct proxy_server *s, const char *path, FILE *to)
{
	struct proxy_server shown = *s;
	AUTO_BUF struct buf text = {0};

	if (s->host == NULL)
		return;
	/* That there is one is said, and never which. */
	shown.password = NULL;
	proxy_server_format(&shown, &text);
	(void)fprintf(to, "%s=%s%s  # %s:%u\n", key, text.at,
		s->password != NULL ? " (and a password)" : "", path, s->line);
}

static void
print_proxy(const struct proxy *p, const char *path, FILE *to)
{
	if (p->http.host == NULL && p->https.host == NULL)
		(void)fprintf(to, "http_proxy=  # none in %s\n", path);
	print_server("http_proxy", &p->http, path, to);
	print_server("https_proxy", &p->https, path, to);
	if (p->bypass_count == 0)
		return;
	(void)fprintf(to, "no_proxy=");
	for (size_t i = 0; i < p->bypass_count; i++)
		(void)fprintf(to, "%s%s", i > 0 ? "," : "", p->bypass[i]);
	(void)fprintf(to, "  # %s:%u\n", path, p->bypass_line);
}

static void
print_rule(const struct channel_rule *rule, const char *path, FILE *to)
{
	for (int f = 0; f < CHANNEL_FIELDS; f++) {
		if (rule->value[f] < 0)
			continue;
		(void)fprintf(
			to, "types.%s.%s=", rule->glob, channels_field_name((enum channel_field)f));
		if (f == CHANNEL_KEEP)
			(void)fprintf(to, "%d  # %s\n", rule->value[f], path);
		else
			(void)fprintf(to, "%s  # %s\n", rule->value[f] ? "true" : "false", path);
	}
}

static void
print_channels(const struct channels *c, const char *path, FILE *to)
{
	(void)fprintf(to, "legacy=");
	for (size_t i = 0; i < c->legacy_count; i++)
		(void)fprintf(to, "%s%s", i > 0 ? "," : "", c->legacy[i]);
	(void)fprintf(to, "  # %s%s\n", c->legacy_count == 0 ? "none in " : "", path);
	for (size_t i = 0; i < c->rule_count; i++)
		print_rule(&c->rules[i], path, to);
}

void
settings_print(const struct settings *p, FILE *to)
{
	print_proxy(p->current->proxy, p->path[SETTINGS_PROXY], to);
	print_channels(p->current->channels, p->path[SETTINGS_CHANNELS], to);
}
