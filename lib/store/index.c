/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

/* BUSY_MS is for a tool that reads while the server writes. */
enum { SCHEMA_VERSION = 2, KIND_HEADER = FORMAT_COUNT, KIND_CONTENT, KIND_COUNT, BUSY_MS = 2000 };

/*
 * kind: a format, or KIND_HEADER, KIND_CONTENT. clean: 1 while nobody has it open. The table keeps
 * its name, "item", so that the indexes of caches that are in use stay good.
 */
static const char schema[] =
	"CREATE TABLE IF NOT EXISTS item("
	" type TEXT, version INTEGER, cookie TEXT, pv INTEGER, pc TEXT, kind INTEGER,"
	" digest BLOB NOT NULL, bytes INTEGER NOT NULL,"
	" landed INTEGER NOT NULL, served INTEGER NOT NULL, checked INTEGER NOT NULL,"
	" PRIMARY KEY(type, version, cookie, pv, pc, kind)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS item_digest ON item(digest);"
	"CREATE TABLE IF NOT EXISTS state(clean INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS setting(name TEXT PRIMARY KEY, value INTEGER NOT NULL);";

/*
 * Statements are prepared once and bound anew for each call; those of a reading index stay NULL.
 * Parameters 1 to 6 are the key in all of them, so that bind_key serves them all.
 */
struct index {
	sqlite3 *db;
	sqlite3_stmt *put;
	sqlite3_stmt *remove;
	sqlite3_stmt *uses;
	sqlite3_stmt *times;
	bool reading;
};

/*
 * FULL and INPUT are what the depot acts on: it goes on in memory, or makes a new file.
 * SQLITE_ERROR at these fixed statements means tables that are not ours.
 */
static int
failed(struct index *c, struct err *e)
{
	int code = sqlite3_errcode(c->db);
	enum err_code kind = ERR_SYS;

	if (code == SQLITE_FULL)
		kind = ERR_FULL;
	else if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT || code == SQLITE_ERROR)
		kind = ERR_INPUT;
	return err_set(e, kind, "index: %s", sqlite3_errmsg(c->db));
}

/* For statements without parameters; several may stand in one text. */
static int
run(struct index *c, const char *sql, struct err *e)
{
	return sqlite3_exec(c->db, sql, NULL, NULL, NULL) != SQLITE_OK ? failed(c, e) : 0;
}

/* The first column of the first row; 0 where there is none. */
static int
read_number(struct index *c, const char *sql, int *ret, struct err *e)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(c->db, sql, -1, &statement, NULL);

	*ret = 0;
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int(statement, 0);
	(void)sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : failed(c, e);
}

/* uses counts archives alone (kind<?8): a header's digest is in the index as well. */
static int
prepare(struct index *c, struct err *e)
{
	static const char key[] =
		"type=?1 AND version=?2 AND cookie=?3 AND pv=?4 AND pc=?5 AND kind=?6";
	AUTO_FREE char *remove = mem_printf("DELETE FROM item WHERE %s", key);
	AUTO_FREE char *uses =
		mem_printf("SELECT 1 FROM item WHERE digest=?7 AND kind<?8 AND NOT (%s)", key);
	AUTO_FREE char *times =
		mem_printf("UPDATE item SET landed=?7, served=?8, checked=?9 WHERE %s", key);
	const struct {
		const char *sql;
		sqlite3_stmt **statement;
	} all[] = {
		{"INSERT OR REPLACE INTO item VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)", &c->put},
		{uses, &c->uses},
		{remove, &c->remove},
		{times, &c->times},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (sqlite3_prepare_v2(c->db, all[i].sql, -1, all[i].statement, NULL) != SQLITE_OK)
			return failed(c, e);
	return 0;
}

static int
set_up(struct index *c, bool *ret_trusted, struct err *e)
{
	int version;
	int clean;

	/*
	 * WAL: a tool can read while the server writes. NORMAL: a power cut may take the last
	 * commits, but leaves a sound file; documents that it does not have are then found by
	 * index_rebuild_fits.
	 */
	/* It is read once, from start to end: pages need not be kept. */
	if (run(c, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-256",
		    e) != 0 ||
		read_number(c, "PRAGMA user_version", &version, e) != 0)
		return -1;
	if (version != 0 && version != SCHEMA_VERSION)
		return err_set(e, ERR_INPUT, "index: made by another version");
	if (run(c, schema, e) != 0 || read_number(c, "SELECT clean FROM state", &clean, e) != 0)
		return -1;
	*ret_trusted = clean == 1;
	/* Not clean until index_close says otherwise: a process that is killed says nothing. */
	if (run(c, "PRAGMA user_version=2; DELETE FROM state; INSERT INTO state VALUES(0)", e) != 0)
		return -1;
	return prepare(c, e);
}

/* Each of these takes NULL: it is right at any point of opening. */
static void
release(struct index *c)
{
	(void)sqlite3_finalize(c->put);
	(void)sqlite3_finalize(c->remove);
	(void)sqlite3_finalize(c->uses);
	(void)sqlite3_finalize(c->times);
	(void)sqlite3_close(c->db);
	free(c);
}

/* The index, and what SQLite keeps beside it. */
static const char *const suffixes[] = {"", "-wal", "-shm"};

/*
 * For its owner alone: who can open one of its files can keep the others from it, by a lock that
 * needs no more than reading. SQLite gives the files beside it the mode of the first.
 */
static void
close_to_others(const char *path)
{
	if (strcmp(path, ":memory:") == 0)
		return;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		AUTO_FREE char *file = mem_printf("%s%s", path, suffixes[i]);
		AUTO_CLOSE int fd =
			open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (i == 0 ? O_CREAT : 0), 0600);

		/* What could not be opened SQLite cannot open either, and says why. */
		if (fd >= 0)
			(void)fchmod(fd, 0600);
	}
}

/*
 * SQLite follows links, and waits for whoever would write into a pipe; and of a file that another
 * user made it says no more than that it cannot be opened. mode: of access(2).
 */
static int
refuse_odd(const char *path, int mode, struct err *e)
{
	struct stat st;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		AUTO_FREE char *file = mem_printf("%s%s", path, suffixes[i]);

		if (lstat(file, &st) == 0 && !S_ISREG(st.st_mode))
			return err_set(e, ERR_INPUT, "index: %s is not a regular file", file);
		if (euidaccess(file, mode) != 0 && errno == EACCES)
			return err_set(e, ERR_INPUT, "index: %s is closed to this user", file);
	}
	return 0;
}

int
index_open(const char *path, struct index **ret, bool *ret_trusted, struct err *e)
{
	struct index *c = mem_new(1, sizeof(*c));
	int result;

	result = refuse_odd(path, R_OK | W_OK, e);
	if (result == 0)
		close_to_others(path);
	if (result == 0 && sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
				   NULL) != SQLITE_OK)
		result = failed(c, e);
	if (result == 0)
		result = set_up(c, ret_trusted, e);
	if (result != 0) {
		release(c);
		return -1;
	}
	*ret = c;
	return 0;
}

/* Without set_up, which writes: schema and clean mark are not for a reader to touch. */
int
index_open_reading(const char *path, struct index **ret, struct err *e)
{
	struct index *c = mem_new(1, sizeof(*c));
	int result = refuse_odd(path, R_OK, e);
	int version = 0;

	c->reading = true;
	if (result == 0 && sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		result = failed(c, e);
	if (result == 0)
		result = read_number(c, "PRAGMA user_version", &version, e);
	if (result == 0 && version != SCHEMA_VERSION)
		result = err_set(e, ERR_INPUT, "index: made by another version");
	if (result != 0) {
		release(c);
		return -1;
	}
	(void)sqlite3_busy_timeout(c->db, BUSY_MS);
	*ret = c;
	return 0;
}

void
index_close(struct index *c, bool in_step)
{
	if (c == NULL)
		return;
	/* A failure is no harm: then the index is not believed, and made anew. */
	if (in_step && !c->reading)
		(void)run(c, "UPDATE state SET clean=1", NULL);
	release(c);
}

/* SQLite compares the name with what is open. One in memory has none, and cannot be lost. */
bool
index_is_lost(struct index *c)
{
	int moved = 0;

	return sqlite3_file_control(c->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
	       moved != 0;
}

/* The records only: settings are what the server was told, and not in any file. */
int
index_clear(struct index *c, struct err *e)
{
	return run(c, "DELETE FROM item", e);
}

int
index_begin(struct index *c, struct err *e)
{
	return run(c, "BEGIN", e);
}

int
index_commit(struct index *c, struct err *e)
{
	return run(c, "COMMIT", e);
}

/* Its own error says no more than the one that led here. */
void
index_rollback(struct index *c)
{
	(void)run(c, "ROLLBACK", NULL);
}

/*
 * SQLITE_TRANSIENT: SQLite copies what it is given, so that the record may go before the statement
 * is run again. pv is 0 and pc empty where there is no base: NULL would be equal to nothing, not
 * even in a primary key.
 */
static void
bind_key(sqlite3_stmt *s, const struct record *r)
{
	int kind = r->kind == RECORD_HEADER    ? KIND_HEADER
		   : r->kind == RECORD_CONTENT ? KIND_CONTENT
					       : (int)r->format;

	(void)sqlite3_bind_text(s, 1, r->ident.type, -1, SQLITE_TRANSIENT);
	(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)r->ident.edition.version);
	(void)sqlite3_bind_text(s, 3, r->ident.edition.cookie, -1, SQLITE_TRANSIENT);
	(void)sqlite3_bind_int64(s, 4, (sqlite3_int64)r->base.version);
	(void)sqlite3_bind_text(s, 5, r->base.cookie, -1, SQLITE_TRANSIENT);
	(void)sqlite3_bind_int(s, 6, kind);
}

/* The reset ends the statement's transaction, after an error too, and says the same as the step. */
static int
finish(struct index *c, sqlite3_stmt *s, struct err *e)
{
	int result = sqlite3_step(s) == SQLITE_DONE ? 0 : failed(c, e);

	(void)sqlite3_reset(s);
	return result;
}

/* A record that is there is replaced: what is put is always the newest that is known of it. */
int
index_put(struct index *c, const struct record *r, struct err *e)
{
	bind_key(c->put, r);
	(void)sqlite3_bind_blob(c->put, 7, r->ref.id.byte, DIGEST_BYTES, SQLITE_TRANSIENT);
	(void)sqlite3_bind_int64(c->put, 8, (sqlite3_int64)r->ref.bytes);
	(void)sqlite3_bind_int64(c->put, 9, (sqlite3_int64)r->landed_ms);
	(void)sqlite3_bind_int64(c->put, 10, (sqlite3_int64)r->served_ms);
	(void)sqlite3_bind_int64(c->put, 11, (sqlite3_int64)r->checked_ms);
	return finish(c, c->put, e);
}

/* Nothing else of it: a record that went meanwhile does not come back by this. */
static int
put_times(struct index *c, const struct record *r, struct err *e)
{
	bind_key(c->times, r);
	(void)sqlite3_bind_int64(c->times, 7, (sqlite3_int64)r->landed_ms);
	(void)sqlite3_bind_int64(c->times, 8, (sqlite3_int64)r->served_ms);
	(void)sqlite3_bind_int64(c->times, 9, (sqlite3_int64)r->checked_ms);
	return finish(c, c->times, e);
}

int
index_put_times(struct index *c, const struct record *records, size_t count, struct err *e)
{
	int result = index_begin(c, e);

	if (result != 0)
		return -1;
	for (size_t i = 0; result == 0 && i < count; i++)
		result = put_times(c, &records[i], e);
	if (result == 0 && index_commit(c, e) == 0)
		return 0;
	index_rollback(c);
	return -1;
}

int
index_remove(struct index *c, const struct record *r, struct err *e)
{
	bind_key(c->remove, r);
	return finish(c, c->remove, e);
}

/* For none the key is that of no record: every version is larger than 0. */
int
index_uses(struct index *c, const struct digest *id, const struct record *other_than, bool *ret,
	struct err *e)
{
	static const struct record none;
	int code;

	bind_key(c->uses, other_than != NULL ? other_than : &none);
	(void)sqlite3_bind_blob(c->uses, 7, id->byte, DIGEST_BYTES, SQLITE_TRANSIENT);
	(void)sqlite3_bind_int(c->uses, 8, KIND_HEADER);
	code = sqlite3_step(c->uses);
	*ret = code == SQLITE_ROW;
	(void)sqlite3_reset(c->uses);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : failed(c, e);
}

static void
copy_text(char *to, size_t size, sqlite3_stmt *s, int column)
{
	const unsigned char *text = sqlite3_column_text(s, column);

	(void)snprintf(to, size, "%s", text != NULL ? (const char *)text : "");
}

/* An index is as hostile as any file: false where a row cannot be one of ours. */
static bool
read_record(sqlite3_stmt *s, struct record *ret)
{
	int kind = sqlite3_column_int(s, 5);

	*ret = (struct record){0};
	if (kind < 0 || kind >= KIND_COUNT || sqlite3_column_bytes(s, 6) != DIGEST_BYTES)
		return false;
	if (kind < KIND_HEADER)
		ret->format = (enum format)kind;
	else
		ret->kind = kind == KIND_HEADER ? RECORD_HEADER : RECORD_CONTENT;
	copy_text(ret->ident.type, sizeof(ret->ident.type), s, 0);
	ret->ident.edition.version = (uint64_t)sqlite3_column_int64(s, 1);
	copy_text(ret->ident.edition.cookie, sizeof(ret->ident.edition.cookie), s, 2);
	ret->base.version = (uint64_t)sqlite3_column_int64(s, 3);
	copy_text(ret->base.cookie, sizeof(ret->base.cookie), s, 4);
	/* Its length was compared above: it is not NULL. */
	memcpy(ret->ref.id.byte, sqlite3_column_blob(s, 6), DIGEST_BYTES);
	ret->ref.bytes = (uint64_t)sqlite3_column_int64(s, 7);
	ret->landed_ms = (uint64_t)sqlite3_column_int64(s, 8);
	ret->served_ms = (uint64_t)sqlite3_column_int64(s, 9);
	ret->checked_ms = (uint64_t)sqlite3_column_int64(s, 10);
	return ident_type_valid(ret->ident.type) && ident_cookie_valid(ret->ident.edition.cookie) &&
	       ret->ident.edition.version <= IDENT_VERSION_MAX &&
	       ret->base.version <= IDENT_VERSION_MAX && ret->ref.bytes <= WIRE_ARCHIVE_BYTES_MAX;
}

int
index_each(struct index *c, int (*visit)(void *context, const struct record *r), void *context,
	struct err *e)
{
	static const char sql[] =
		"SELECT type, version, cookie, pv, pc, kind, digest, bytes, landed, served,"
		" checked FROM item"
		" ORDER BY type, version DESC, cookie, kind DESC, pv";
	sqlite3_stmt *s = NULL;
	struct record r;
	int code = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);
	int result = code == SQLITE_OK ? 0 : failed(c, e);

	while (result == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		/* One such, and none is believed: for ERR_INPUT the index is made anew. */
		if (!read_record(s, &r))
			result = err_set(e, ERR_INPUT, "index: a row that is not ours");
		else
			result = visit(context, &r);
	}
	if (result == 0 && code != SQLITE_DONE)
		result = failed(c, e);
	(void)sqlite3_finalize(s);
	return result;
}

int
index_put_setting(struct index *c, const char *name, uint64_t value, struct err *e)
{
	sqlite3_stmt *s = NULL;
	int result;

	if (sqlite3_prepare_v2(c->db, "INSERT OR REPLACE INTO setting VALUES(?1, ?2)", -1, &s,
		    NULL) != SQLITE_OK)
		return failed(c, e);
	(void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)value);
	result = finish(c, s, e);
	(void)sqlite3_finalize(s);
	return result;
}

bool
index_setting(struct index *c, const char *name, uint64_t *ret)
{
	sqlite3_stmt *s = NULL;
	bool found = false;

	if (sqlite3_prepare_v2(c->db, "SELECT value FROM setting WHERE name=?1", -1, &s, NULL) !=
		SQLITE_OK)
		return false;
	(void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	if (sqlite3_step(s) == SQLITE_ROW) {
		*ret = (uint64_t)sqlite3_column_int64(s, 0);
		found = true;
	}
	(void)sqlite3_finalize(s);
	return found;
}

int
index_each_setting(struct index *c, void (*visit)(void *context, const char *name, uint64_t value),
	void *context, struct err *e)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(c->db, "SELECT name, value FROM setting", -1, &s, NULL);

	while (code == SQLITE_OK || code == SQLITE_ROW) {
		const char *name;

		code = sqlite3_step(s);
		name = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
		if (name != NULL)
			visit(context, name, (uint64_t)sqlite3_column_int64(s, 1));
	}
	(void)sqlite3_finalize(s);
	return code == SQLITE_DONE ? 0 : failed(c, e);
}
