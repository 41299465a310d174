/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/session-store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* In the file's user_version; another one is not ours to read. */
#define FORMAT 1

#define BUSY_MS 2000

static const char schema[] =
    "CREATE TABLE session ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, saved_s INTEGER NOT NULL, n_decks INTEGER NOT NULL,"
    " bpm REAL, crossfader REAL, limiter_db REAL, master_volume REAL, booth_volume REAL,"
    " headphones_volume REAL, headphones_mix REAL);"
    "CREATE TABLE deck ("
    " session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE, deck INTEGER NOT NULL,"
    " path TEXT NOT NULL, title TEXT NOT NULL, artist TEXT NOT NULL, lock_reason TEXT NOT NULL,"
    " playing INTEGER, locked INTEGER, sync INTEGER, keylock INTEGER, pfl INTEGER, loop_active INTEGER,"
    " position_s REAL, cue_s REAL, loop_in_s REAL, loop_out_s REAL, speed REAL, trim_db REAL,"
    " volume REAL, eq_low_db REAL, eq_mid_db REAL, eq_high_db REAL, filter REAL,"
    " PRIMARY KEY (session, deck)) WITHOUT ROWID;"
    "CREATE TABLE hotcue ("
    " session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE, deck INTEGER NOT NULL,"
    " number INTEGER NOT NULL, position_s REAL NOT NULL,"
    " PRIMARY KEY (session, deck, number)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

struct _EchSessionStore {
  sqlite3 *db;
  int      lock;
  gint64   own; /* this program's row, 0 = none yet */
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC (sqlite3_stmt, sqlite3_finalize)

char *
ech_session_store_default_path (void)
{
  return g_build_filename (g_get_user_state_dir (), "echelon", "session.db", NULL);
}

bool
ech_session_has_track (const struct ech_session *session)
{
  for (uint32_t i = 0; i < ECH_MAX_DECKS; i++)
    if (session->decks[i].path[0] != '\0')
      return true;
  return false;
}

/* SQLite in short */

static gboolean
fail (EchSessionStore *store, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("The session cannot be kept: %s."),
               sqlite3_errmsg (store->db));
  return FALSE;
}

static sqlite3_stmt *
prepare (EchSessionStore *store, const char *sql)
{
  sqlite3_stmt *statement = NULL;

  sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL);
  return statement;
}

static bool
run (EchSessionStore *store, const char *sql)
{
  return sqlite3_exec (store->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* A statement with the one parameter @id. */
static bool
run_with_id (EchSessionStore *store, const char *sql, gint64 id)
{
  g_autoptr (sqlite3_stmt) statement = prepare (store, sql);

  return statement != NULL && sqlite3_bind_int64 (statement, 1, id) == SQLITE_OK
         && sqlite3_step (statement) == SQLITE_DONE;
}

/* SQLite has no NaN: it keeps it as NULL. */
static double
get_real (sqlite3_stmt *row, int column)
{
  return sqlite3_column_type (row, column) == SQLITE_NULL ? NAN : sqlite3_column_double (row, column);
}

static void
get_text (sqlite3_stmt *row, int column, char *out_text, size_t size)
{
  const char *text = (const char *) sqlite3_column_text (row, column);

  g_strlcpy (out_text, text != NULL ? text : "", size);
}

/* Opening */

/* The kernel gives it back when its owner dies, however that comes about. */
static gboolean
take_lock (EchSessionStore *store, const char *path, GError **error)
{
  g_autofree char *name     = g_strconcat (path, ".lock", NULL);
  char             text[32] = { 0 };

  store->lock = open (name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (store->lock < 0) {
    g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (errno), _ ("The session cannot be kept: %s: %s."),
                 name, g_strerror (errno));
    return FALSE;
  }
  if (flock (store->lock, LOCK_EX | LOCK_NB) == 0) {
    g_snprintf (text, sizeof text, "%ld\n", (long) getpid ());
    if (ftruncate (store->lock, 0) != 0 || pwrite (store->lock, text, strlen (text), 0) < 0)
      g_debug ("%s: no process id in it", name); /* for the other's sentence only */
    return TRUE;
  }
  if (pread (store->lock, text, sizeof text - 1, 0) < 0)
    text[0] = '\0';
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
               _ ("Another Echelon (process %s) keeps the session; after a crash this one could not be brought back."),
               *g_strstrip (text) != '\0' ? text : _ ("unknown"));
  return FALSE;
}

static bool
is_sound (EchSessionStore *store)
{
  g_autoptr (sqlite3_stmt) check = prepare (store, "PRAGMA quick_check (1)");

  return check != NULL && sqlite3_step (check) == SQLITE_ROW
         && g_strcmp0 ((const char *) sqlite3_column_text (check, 0), "ok") == 0;
}

static int
format_of (EchSessionStore *store)
{
  g_autoptr (sqlite3_stmt) query = prepare (store, "PRAGMA user_version");

  return query != NULL && sqlite3_step (query) == SQLITE_ROW ? sqlite3_column_int (query, 0) : -1;
}

/* Are all the columns there? */
static bool
has_tables (EchSessionStore *store)
{
  g_autoptr (sqlite3_stmt) sessions =
      prepare (store, "SELECT id, saved_s, n_decks, bpm, crossfader, limiter_db, master_volume, booth_volume,"
                      " headphones_volume, headphones_mix FROM session");
  g_autoptr (sqlite3_stmt) decks =
      prepare (store, "SELECT session, deck, path, title, artist, lock_reason, playing, locked, sync, keylock, pfl,"
                      " loop_active, position_s, cue_s, loop_in_s, loop_out_s, speed, trim_db, volume, eq_low_db,"
                      " eq_mid_db, eq_high_db, filter FROM deck");
  g_autoptr (sqlite3_stmt) hotcues = prepare (store, "SELECT session, deck, number, position_s FROM hotcue");

  return sessions != NULL && decks != NULL && hotcues != NULL;
}

/* FULL: what is saved has reached the disk, also when the power goes. */
static bool
open_file (EchSessionStore *store, const char *path)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* SQLite's own would be anybody's to read */

  if (fd >= 0)
    close (fd);
  if (sqlite3_open (path, &store->db) != SQLITE_OK)
    return false;
  sqlite3_busy_timeout (store->db, BUSY_MS);
  if (!is_sound (store) || !run (store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"))
    return false;
  if (format_of (store) == 0)
    return run (store, "BEGIN IMMEDIATE") && run (store, schema) && run (store, "COMMIT");
  return format_of (store) == FORMAT && has_tables (store);
}

static void
close_file (EchSessionStore *store)
{
  sqlite3_close (g_steal_pointer (&store->db));
}

static void
move_aside (const char *path, const char *why, char **out_notice)
{
  static const char *const endings[] = { "", "-wal", "-shm" };
  g_autoptr (GDateTime)    now       = g_date_time_new_now_utc ();
  g_autofree char         *date      = g_date_time_format (now, "%Y%m%d-%H%M%S");
  g_autofree char         *aside     = g_strdup_printf ("%s.damaged-%s", path, date);

  for (size_t i = 0; i < G_N_ELEMENTS (endings); i++) {
    g_autofree char *from = g_strconcat (path, endings[i], NULL);
    g_autofree char *to   = g_strconcat (aside, endings[i], NULL);

    if (g_rename (from, to) != 0 && errno != ENOENT)
      g_debug ("%s: %s", from, g_strerror (errno));
  }
  *out_notice = g_strdup_printf (_ ("The kept session cannot be read (%s); it was moved to %s and a new one begun."),
                                 why, aside);
}

static gboolean
open_or_begin_anew (EchSessionStore *store, const char *path, char **out_notice, GError **error)
{
  g_autofree char *why = NULL;

  if (open_file (store, path))
    return TRUE;
  /* no permission or no room is no damage */
  switch (sqlite3_errcode (store->db)) {
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
  case SQLITE_READONLY:
  case SQLITE_FULL:
  case SQLITE_IOERR:
  case SQLITE_BUSY:
    if (!g_file_test (path, G_FILE_TEST_IS_DIR))
      return fail (store, error);
    break;
  default:
    break;
  }
  why = g_strdup (format_of (store) > FORMAT ? _ ("a newer Echelon wrote it") : _ ("it is damaged"));
  close_file (store);
  move_aside (path, why, out_notice);
  return open_file (store, path) || fail (store, error);
}

/* Of all that were not ended only the newest that has a track is ever offered. */
static gboolean
prune (EchSessionStore *store, GError **error)
{
  return run (store, "DELETE FROM session WHERE id <> ifnull ((SELECT max (session) FROM deck WHERE path <> ''), 0)")
         || fail (store, error);
}

EchSessionStore *
ech_session_store_open (const char *path, char **out_notice, GError **error)
{
  EchSessionStore *store  = g_new0 (EchSessionStore, 1);
  g_autofree char *folder = g_path_get_dirname (path);

  *out_notice = NULL;
  store->lock = -1;
  if (g_mkdir_with_parents (folder, 0700) != 0)
    g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (errno), _ ("The session cannot be kept: %s: %s."),
                 folder, g_strerror (errno));
  else if (take_lock (store, path, error) && open_or_begin_anew (store, path, out_notice, error)
           && prune (store, error))
    return store;
  ech_session_store_close (store);
  return NULL;
}

void
ech_session_store_close (EchSessionStore *store)
{
  if (store == NULL)
    return;
  close_file (store);
  if (store->lock >= 0)
    close (store->lock);
  g_free (store);
}

/* Reading */

static void
read_deck (sqlite3_stmt *row, struct ech_session_deck *deck)
{
  int column = 1;

  get_text (row, column++, deck->path, sizeof deck->path);
  get_text (row, column++, deck->title, sizeof deck->title);
  get_text (row, column++, deck->artist, sizeof deck->artist);
  get_text (row, column++, deck->lock_reason, sizeof deck->lock_reason);
  deck->playing     = sqlite3_column_int (row, column++) != 0;
  deck->locked      = sqlite3_column_int (row, column++) != 0;
  deck->sync        = sqlite3_column_int (row, column++) != 0;
  deck->keylock     = sqlite3_column_int (row, column++) != 0;
  deck->pfl         = sqlite3_column_int (row, column++) != 0;
  deck->loop_active = sqlite3_column_int (row, column++) != 0;
  deck->position_s  = get_real (row, column++);
  deck->cue_s       = get_real (row, column++);
  deck->loop_in_s   = get_real (row, column++);
  deck->loop_out_s  = get_real (row, column++);
  deck->speed       = get_real (row, column++);
  deck->trim_db     = get_real (row, column++);
  deck->volume      = get_real (row, column++);
  for (int band = 0; band < ECH_N_BANDS; band++)
    deck->eq_db[band] = get_real (row, column++);
  deck->filter = get_real (row, column++);
  for (int i = 0; i < ECH_N_HOTCUES; i++)
    deck->hotcue_s[i] = NAN;
}

static void
read_decks (EchSessionStore *store, gint64 id, struct ech_session *session)
{
  g_autoptr (sqlite3_stmt) decks =
      prepare (store, "SELECT deck, path, title, artist, lock_reason, playing, locked, sync, keylock, pfl, loop_active,"
                      " position_s, cue_s, loop_in_s, loop_out_s, speed, trim_db, volume, eq_low_db, eq_mid_db,"
                      " eq_high_db, filter FROM deck WHERE session = ?1");
  g_autoptr (sqlite3_stmt) hotcues =
      prepare (store, "SELECT deck, number, position_s FROM hotcue WHERE session = ?1");

  sqlite3_bind_int64 (decks, 1, id);
  while (decks != NULL && sqlite3_step (decks) == SQLITE_ROW) {
    gint64 deck = sqlite3_column_int64 (decks, 0);

    if (deck >= 0 && deck < ECH_MAX_DECKS)
      read_deck (decks, &session->decks[deck]);
  }
  sqlite3_bind_int64 (hotcues, 1, id);
  while (hotcues != NULL && sqlite3_step (hotcues) == SQLITE_ROW) {
    gint64 deck   = sqlite3_column_int64 (hotcues, 0);
    gint64 number = sqlite3_column_int64 (hotcues, 1);

    if (deck >= 0 && deck < ECH_MAX_DECKS && number >= 0 && number < ECH_N_HOTCUES)
      session->decks[deck].hotcue_s[number] = get_real (hotcues, 2);
  }
}

static void
read_session (sqlite3_stmt *row, struct ech_session *session)
{
  session->saved_s           = sqlite3_column_int64 (row, 1);
  session->n_decks           = (uint32_t) CLAMP (sqlite3_column_int64 (row, 2), 1, ECH_MAX_DECKS);
  session->bpm               = get_real (row, 3);
  session->crossfader        = get_real (row, 4);
  session->limiter_db        = get_real (row, 5);
  session->master_volume     = get_real (row, 6);
  session->booth_volume      = get_real (row, 7);
  session->headphones_volume = get_real (row, 8);
  session->headphones_mix    = get_real (row, 9);
}

struct ech_session *
ech_session_store_previous (EchSessionStore *store)
{
  g_autoptr (sqlite3_stmt) query =
      prepare (store, "SELECT id, saved_s, n_decks, bpm, crossfader, limiter_db, master_volume, booth_volume,"
                      " headphones_volume, headphones_mix FROM session AS s WHERE id <> ?1 AND EXISTS"
                      " (SELECT 1 FROM deck WHERE session = s.id AND path <> '') ORDER BY id DESC LIMIT 1");
  struct ech_session *session;

  if (query == NULL || sqlite3_bind_int64 (query, 1, store->own) != SQLITE_OK || sqlite3_step (query) != SQLITE_ROW)
    return NULL;
  session = g_new0 (struct ech_session, 1);
  read_session (query, session);
  read_decks (store, sqlite3_column_int64 (query, 0), session);
  return session;
}

/* Writing */

static bool
write_session (EchSessionStore *store, const struct ech_session *session)
{
  g_autoptr (sqlite3_stmt) insert =
      prepare (store, "INSERT OR REPLACE INTO session (id, saved_s, n_decks, bpm, crossfader, limiter_db, master_volume,"
                      " booth_volume, headphones_volume, headphones_mix) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const double values[] = { session->bpm,           session->crossfader,   session->limiter_db,
                            session->master_volume, session->booth_volume, session->headphones_volume,
                            session->headphones_mix };

  if (insert == NULL)
    return false;
  if (store->own != 0)
    sqlite3_bind_int64 (insert, 1, store->own);
  sqlite3_bind_int64 (insert, 2, session->saved_s);
  sqlite3_bind_int64 (insert, 3, session->n_decks);
  for (size_t i = 0; i < G_N_ELEMENTS (values); i++)
    sqlite3_bind_double (insert, 4 + (int) i, values[i]);
  return sqlite3_step (insert) == SQLITE_DONE;
}

static bool
write_hotcues (EchSessionStore *store, gint64 id, uint32_t number, const struct ech_session_deck *deck)
{
  for (int i = 0; i < ECH_N_HOTCUES; i++) {
    g_autoptr (sqlite3_stmt) insert = NULL;

    if (isnan (deck->hotcue_s[i]))
      continue;
    insert = prepare (store, "INSERT INTO hotcue (session, deck, number, position_s) VALUES (?, ?, ?, ?)");
    if (insert == NULL)
      return false;
    sqlite3_bind_int64 (insert, 1, id);
    sqlite3_bind_int64 (insert, 2, number);
    sqlite3_bind_int (insert, 3, i);
    sqlite3_bind_double (insert, 4, deck->hotcue_s[i]);
    if (sqlite3_step (insert) != SQLITE_DONE)
      return false;
  }
  return true;
}

static bool
write_deck (EchSessionStore *store, gint64 id, uint32_t number, const struct ech_session_deck *deck)
{
  g_autoptr (sqlite3_stmt) insert =
      prepare (store, "INSERT INTO deck (session, deck, path, title, artist, lock_reason, playing, locked, sync, keylock,"
                      " pfl, loop_active, position_s, cue_s, loop_in_s, loop_out_s, speed, trim_db, volume, eq_low_db,"
                      " eq_mid_db, eq_high_db, filter)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const char *const texts[]    = { deck->path, deck->title, deck->artist, deck->lock_reason };
  const bool        switches[] = { deck->playing, deck->locked, deck->sync, deck->keylock, deck->pfl, deck->loop_active };
  const double      values[]   = { deck->position_s, deck->cue_s,
                                   deck->loop_in_s,  deck->loop_out_s,
                                   deck->speed,      deck->trim_db,
                                   deck->volume,     deck->eq_db[ECH_BAND_LOW],
                                   deck->eq_db[ECH_BAND_MID], deck->eq_db[ECH_BAND_HIGH],
                                   deck->filter };
  int               column     = 1;

  if (insert == NULL)
    return false;
  sqlite3_bind_int64 (insert, column++, id);
  sqlite3_bind_int64 (insert, column++, number);
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    sqlite3_bind_text (insert, column++, texts[i], -1, SQLITE_STATIC);
  for (size_t i = 0; i < G_N_ELEMENTS (switches); i++)
    sqlite3_bind_int (insert, column++, switches[i]);
  for (size_t i = 0; i < G_N_ELEMENTS (values); i++)
    sqlite3_bind_double (insert, column++, values[i]);
  return sqlite3_step (insert) == SQLITE_DONE && write_hotcues (store, id, number, deck);
}

/* The row's own replacement takes its decks with it. */
static bool
write_all (EchSessionStore *store, const struct ech_session *session, gint64 *out_id)
{
  if (!write_session (store, session))
    return false;
  *out_id = store->own != 0 ? store->own : sqlite3_last_insert_rowid (store->db);
  if (!run_with_id (store, "DELETE FROM deck WHERE session = ?1", *out_id)
      || !run_with_id (store, "DELETE FROM hotcue WHERE session = ?1", *out_id))
    return false;
  for (uint32_t i = 0; i < session->n_decks; i++)
    if (!write_deck (store, *out_id, i, &session->decks[i]))
      return false;
  return true;
}

gboolean
ech_session_store_save (EchSessionStore *store, const struct ech_session *session, GError **error)
{
  gint64 id = 0;

  if (run (store, "BEGIN IMMEDIATE") && write_all (store, session, &id) && run (store, "COMMIT")) {
    store->own = id;
    return TRUE;
  }
  fail (store, error);
  run (store, "ROLLBACK"); /* fails where there is nothing to roll back */
  return FALSE;
}

gboolean
ech_session_store_forget_previous (EchSessionStore *store, GError **error)
{
  return run_with_id (store, "DELETE FROM session WHERE id <> ?1", store->own) || fail (store, error);
}

gboolean
ech_session_store_end (EchSessionStore *store, GError **error)
{
  return run_with_id (store, "DELETE FROM session WHERE id = ?1", store->own) || fail (store, error);
}
