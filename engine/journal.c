/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/journal-line.h"
#include "engine/rt/ring.h"

#define FILE_BYTES   (16 * 1024 * 1024ull)
#define FOLDER_BYTES (128 * 1024 * 1024ull)

enum { CAPACITY = 4096 };

struct _EchJournal {
  struct ech_journal_config config;

  /* writer: the ticking thread, then whoever frees; reader: the journal's */
  struct ech_ring           ring;
  struct ech_journal_line **slots;
  _Atomic uint64_t          n_dropped;
  _Atomic bool              ending;
  int                       wakeup;
  GThread                  *thread;

  /* the journal's thread */
  int      fd;
  char    *name; /* of this set's files, less part and suffix */
  uint32_t part;
  uint64_t size;
  uint64_t n_told; /* dropped, and said so */
};

char *
ech_journal_default_folder (void)
{
  return g_build_filename (g_get_user_state_dir (), "echelon", "journal", NULL);
}

static gboolean
fail (GError **error, const char *path)
{
  int number = errno;

  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (number), "%s cannot be written: %s", path, g_strerror (number));
  return FALSE;
}

/* Files */

static gboolean
is_journal (const char *name)
{
  return g_str_has_suffix (name, ".jsonl");
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Names sort by age.  Leaves @room bytes for the file to come. */
static void
remove_oldest (EchJournal *journal, uint64_t room)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir)      dir   = g_dir_open (journal->config.folder, 0, NULL);
  const char           *name;
  uint64_t              total = room;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (is_journal (name))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  for (guint i = names->len; i-- > 0;) {
    g_autofree char *path = g_build_filename (journal->config.folder, names->pdata[i], NULL);
    struct stat      status;

    if (lstat (path, &status) != 0 || !S_ISREG (status.st_mode))
      continue;
    total += (uint64_t) status.st_size;
    if (total > journal->config.folder_bytes)
      unlink (path);
  }
}

static bool
write_all (EchJournal *journal, const char *text, size_t size)
{
  for (size_t done = 0; done < size;) {
    ssize_t n = write (journal->fd, text + done, size - done);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      /* half a line could not be read again */
      if (done > 0 && ftruncate (journal->fd, (off_t) journal->size) == 0)
        lseek (journal->fd, 0, SEEK_END);
      return false;
    }
    done += (size_t) n;
  }
  journal->size += size;
  return true;
}

static bool
write_text (EchJournal *journal, const char *line)
{
  g_autofree char *text = g_strconcat (line, "\n", NULL);

  return write_all (journal, text, strlen (text));
}

static bool
write_line (EchJournal *journal, const struct ech_journal_line *line)
{
  g_autofree char *text = ech_journal_line_print (line);

  return write_text (journal, text);
}

static gboolean
open_file (EchJournal *journal, GError **error)
{
  struct ech_journal_line start = { .kind = ECH_JOURNAL_START, .n_decks = journal->config.n_decks };
  g_autofree char        *name  = NULL;
  g_autofree char        *path  = NULL;
  int                     fd;

  start.part = ++journal->part;
  if (journal->config.file == NULL) {
    remove_oldest (journal, journal->config.file_bytes);
    name = g_strdup_printf ("%s-%03u.jsonl", journal->name, journal->part);
    path = g_build_filename (journal->config.folder, name, NULL);
  } else {
    path = g_strdup (journal->config.file);
  }
  fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail (error, path);
  if (journal->fd >= 0)
    close (journal->fd);
  journal->fd   = fd;
  journal->size = 0;
  return write_line (journal, &start) || fail (error, path);
}

/* The journal's thread */

static void
write_record (EchJournal *journal, const struct ech_journal_line *line)
{
  g_autofree char *text = ech_journal_line_print (line);

  /* where no new file can be had the old one grows */
  if (journal->config.file == NULL && journal->size + strlen (text) >= journal->config.file_bytes)
    open_file (journal, NULL);
  if (!write_text (journal, text))
    atomic_fetch_add (&journal->n_dropped, 1);
}

static void
tell_dropped (EchJournal *journal)
{
  uint64_t                n    = atomic_load (&journal->n_dropped);
  struct ech_journal_line line = { .kind = ECH_JOURNAL_DROPPED, .count = n - journal->n_told };

  if (line.count > 0 && write_line (journal, &line))
    journal->n_told = n;
}

static void
drain (EchJournal *journal)
{
  struct ech_journal_line *line;

  while (ech_ring_pop (&journal->ring, &line)) {
    write_record (journal, line);
    ech_journal_line_clear (line);
    g_free (line);
  }
  tell_dropped (journal);
}

static void *
run (void *data)
{
  EchJournal *journal = data;
  uint64_t    n;
  bool        ending;

  do {
    if (read (journal->wakeup, &n, sizeof n) < 0 && errno != EINTR)
      g_usleep (G_USEC_PER_SEC / 100);
    ending = atomic_load (&journal->ending);
    drain (journal);
  } while (!ending);
  return NULL;
}

/* Records */

/* Cannot block: the counter is full only after 2^64 - 2 wakeups that nobody read. */
static void
wake (EchJournal *journal)
{
  eventfd_write (journal->wakeup, 1);
}

static void
push (EchJournal *journal, struct ech_journal_line *line)
{
  if (!ech_ring_push (&journal->ring, &line)) {
    ech_journal_line_clear (line);
    g_free (line);
    atomic_fetch_add (&journal->n_dropped, 1);
  }
  wake (journal);
}

void
ech_journal_take_arrival (const struct ech_arrival *arrival, void *data)
{
  struct ech_journal_line *line = g_new0 (struct ech_journal_line, 1);

  ech_journal_line_set_arrival (line, arrival);
  push (data, line);
}

void
ech_journal_take_event (const struct ech_event *event, void *data)
{
  struct ech_journal_line *line = g_new0 (struct ech_journal_line, 1);

  ech_journal_line_set_event (line, event);
  push (data, line);
}

uint64_t
ech_journal_n_dropped (EchJournal *journal)
{
  return atomic_load (&journal->n_dropped);
}

/* Beginning and end */

static void
discard (EchJournal *journal)
{
  if (journal->fd >= 0)
    close (journal->fd);
  if (journal->wakeup >= 0)
    close (journal->wakeup);
  g_free ((char *) journal->config.file);
  g_free ((char *) journal->config.folder);
  g_free (journal->name);
  g_free (journal->slots);
  g_free (journal);
}

static gboolean
start (EchJournal *journal, GError **error)
{
  g_autoptr (GDateTime) now  = g_date_time_new_now_utc ();
  g_autofree char      *date = g_date_time_format (now, "%Y%m%d-%H%M%S");

  journal->name   = g_strdup_printf ("%s-%06d-%ld", date, g_date_time_get_microsecond (now), (long) getpid ());
  journal->wakeup = eventfd (0, EFD_CLOEXEC);
  if (journal->wakeup < 0)
    return fail (error, "the journal");
  if (journal->config.file == NULL && g_mkdir_with_parents (journal->config.folder, 0700) != 0)
    return fail (error, journal->config.folder);
  return open_file (journal, error);
}

EchJournal *
ech_journal_new (const struct ech_journal_config *config, GError **error)
{
  EchJournal *journal = g_new0 (EchJournal, 1);

  g_return_val_if_fail (config->file != NULL || config->folder != NULL, NULL);
  journal->config        = *config;
  journal->config.file   = g_strdup (config->file);
  journal->config.folder = g_strdup (config->folder);
  if (config->file_bytes == 0)
    journal->config.file_bytes = FILE_BYTES;
  if (config->folder_bytes == 0)
    journal->config.folder_bytes = FOLDER_BYTES;
  if (config->capacity == 0)
    journal->config.capacity = CAPACITY;
  journal->fd = journal->wakeup = -1;
  journal->slots                = g_new0 (struct ech_journal_line *, journal->config.capacity);
  ech_ring_init (&journal->ring, journal->slots, journal->config.capacity, sizeof *journal->slots);
  if (!start (journal, error)) {
    discard (journal);
    return NULL;
  }
  journal->thread = g_thread_new ("journal", run, journal);
  return journal;
}

void
ech_journal_free (EchJournal *journal, uint64_t frame)
{
  struct ech_journal_line end = { .kind = ECH_JOURNAL_END, .frame = (double) frame };

  if (journal == NULL)
    return;
  atomic_store (&journal->ending, true);
  wake (journal);
  g_thread_join (journal->thread);
  write_line (journal, &end);
  discard (journal);
}
