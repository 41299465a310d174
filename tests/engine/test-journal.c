/* The journal's lines there and back, its files, and what a slow or full disk costs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/journal-line.h"
#include "engine/journal.h"
#include "engine/scheduler/vocabulary.h"

enum { MANY = 20000, RING = 8 };

static char *folder;

static struct ech_journal_line
there_and_back (const struct ech_arrival *arrival)
{
  struct ech_journal_line line, back;
  g_autofree char        *text  = NULL;
  g_autoptr (GError)      error = NULL;

  ech_journal_line_set_arrival (&line, arrival);
  text = ech_journal_line_print (&line);
  g_assert_null (strchr (text, '\n'));
  ech_journal_line_parse (text, &back, &error);
  if (error != NULL)
    g_test_message ("%s", text);
  g_assert_no_error (error);
  g_assert_cmpint (back.kind, ==, line.kind);
  ech_journal_line_clear (&line);
  return back;
}

static void
test_actions (void)
{
  static const double values[]  = { 0.1, -26, 1.0 / 3, -INFINITY, NAN, 1e-300 };
  const char         *texts[]   = { NULL, "/music/a \"b\"\\c\n.flac", "/music/\xe9t\xe9.flac", "/m\xc3\xbcsik/%41.flac" };
  struct ech_arrival  arrival   = { .rate = 44100, .source_name = "osc", .source_class = ECH_SOURCE_AGENT };

  for (uint32_t verb = 1; verb < ECH_N_VERBS; verb++) {
    for (uint32_t i = 0; i < 24; i++) {
      struct ech_journal_line back;
      struct ech_action       action = {
        .verb           = verb,
        .deck           = ech_verb_has_deck (verb) ? i % ECH_MAX_DECKS : 0,
        .index          = verb == ECH_VERB_EQ ? i % ECH_N_BANDS : 0,
        .value          = values[i % G_N_ELEMENTS (values)],
        .timing         = { .kind = i % 5, .way = i % 5 > 1 ? i % 2 : 0, .beats = i % 5 > 1 ? 33.0 / (i + 1) : 0 },
        .deadline_beats = i % 3 * 7.7,
        .text           = verb == ECH_VERB_LOAD ? texts[i % G_N_ELEMENTS (texts)] : NULL,
        .id             = "an \"id\"",
        .target         = "another",
      };

      arrival.serial = i + 1;
      arrival.frame  = 262285.71428571432 * i;
      arrival.beat   = arrival.frame / 24000;
      arrival.action = action;
      back           = there_and_back (&arrival);
      g_assert_true (back.arrival.frame == arrival.frame && back.arrival.beat == arrival.beat);
      g_assert_cmpuint (back.arrival.serial, ==, i + 1);
      g_assert_cmpuint (back.arrival.source_class, ==, ECH_SOURCE_AGENT);
      g_assert_cmpuint (back.arrival.action.verb, ==, verb);
      g_assert_cmpuint (back.arrival.action.deck, ==, action.deck);
      g_assert_cmpuint (back.arrival.action.index, ==, action.index);
      g_assert_true (back.arrival.action.value == action.value
                     || (isnan (back.arrival.action.value) && isnan (action.value)));
      g_assert_true (memcmp (&back.arrival.action.timing, &action.timing, sizeof action.timing) == 0);
      g_assert_true (back.arrival.action.deadline_beats == action.deadline_beats);
      g_assert_cmpstr (back.arrival.action.text, ==, action.text);
      g_assert_cmpstr (back.arrival.action.id, ==, action.id);
      g_assert_cmpstr (back.arrival.action.target, ==, action.target);
      ech_journal_line_clear (&back);
    }
  }
}

static void
test_damage (void)
{
  static const char *const bad[] = {
    "", "{", "[]", "1", "null", "{}", "\xff", "{\"fate\":7}", "{\"fate\":\"sung\"}", "{\"fate\":\"start\"}",
    "{\"fate\":\"start\",\"journal\":2,\"decks\":2,\"clock\":\"live\"}",
    "{\"fate\":\"start\",\"journal\":1,\"decks\":9,\"clock\":\"live\"}",
    "{\"fate\":\"start\",\"journal\":1,\"decks\":2,\"clock\":\"sun\"}",
    "{\"fate\":\"posted\",\"serial\":1,\"verb\":\"crossfader\",\"frame\":-1,\"rate\":48000,\"beat\":0}",
    "{\"fate\":\"posted\",\"serial\":0,\"verb\":\"crossfader\",\"frame\":1,\"rate\":48000,\"beat\":0}",
    "{\"fate\":\"posted\",\"serial\":1,\"verb\":\"fly\",\"frame\":1,\"rate\":48000,\"beat\":0}",
    "{\"fate\":\"posted\",\"serial\":1,\"verb\":\"play\",\"frame\":1,\"rate\":48000,\"beat\":0}",
    "{\"fate\":\"posted\",\"serial\":1,\"verb\":\"crossfader\",\"frame\":\"1\",\"rate\":48000,\"beat\":0}",
    "{\"fate\":\"posted\",\"serial\":1,\"verb\":\"crossfader\",\"frame\":1,\"rate\":48000,\"beat\":0,\"value\":\"x\"}",
    "{\"fate\":\"posted\",\"serial\":1,\"verb\":\"crossfader\",\"frame\":1,\"rate\":48000,\"beat\":0,\"timing\":\"grid\"}",
    "{\"fate\":\"posted\",\"serial\":1,\"verb\":\"load\",\"deck\":\"a\",\"frame\":1,\"rate\":48000,\"beat\":0,\"path\":[]}",
    "{\"fate\":\"executed\",\"serial\":1,\"verb\":\"crossfader\",\"beat\":0}",
    "{\"fate\":\"dropped\"}", "{\"fate\":\"end\"}", "{\"fate\":\"setting\",\"curve\":\"bent\",\"frame\":1,\"rate\":1}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError)      error = NULL;
    struct ech_journal_line line;

    g_assert_false (ech_journal_line_parse (bad[i], &line, &error));
    g_assert_nonnull (error);
    g_assert_cmpuint (strlen (error->message), >, 8);
  }
}

static void
push_event (EchJournal *journal, uint64_t serial)
{
  struct ech_event event = { .serial = serial, .fate = ECH_FATE_EXECUTED, .verb = ECH_VERB_CROSSFADER, .source_name = "test" };

  ech_journal_take_event (&event, journal);
}

static struct ech_journal_line
parse (const char *text)
{
  g_autoptr (GError)      error = NULL;
  struct ech_journal_line line;

  ech_journal_line_parse (text, &line, &error);
  g_assert_no_error (error);
  return line;
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static GPtrArray *
list (const char *path)
{
  GPtrArray        *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir)  dir   = g_dir_open (path, 0, NULL);
  const char       *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_build_filename (path, name, NULL));
  g_ptr_array_sort (names, compare_names);
  return names;
}

/* Reads one file; returns the serial behind its last. */
static uint64_t
check_file (const char *path, uint32_t *part, uint64_t next, bool is_last)
{
  g_autofree char        *text  = NULL;
  g_auto (GStrv)          lines = NULL;
  struct ech_journal_line line;
  unsigned                n;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpuint (strlen (text), <=, 4096 + 100);
  lines = g_strsplit (text, "\n", -1);
  n     = g_strv_length (lines) - 1;
  g_assert_cmpstr (lines[n], ==, "");
  line = parse (lines[0]);
  g_assert_cmpint (line.kind, ==, ECH_JOURNAL_START);
  g_assert_cmpuint (line.n_decks, ==, 3);
  if (*part != 0)
    g_assert_cmpuint (line.part, ==, *part + 1);
  *part = line.part;
  for (unsigned i = 1; i < n; i++) {
    line = parse (lines[i]);
    if (is_last && i == n - 1) {
      g_assert_cmpint (line.kind, ==, ECH_JOURNAL_END);
      g_assert_true (line.frame == 4711);
      continue;
    }
    g_assert_cmpint (line.kind, ==, ECH_JOURNAL_FATE);
    if (next != 0)
      g_assert_cmpuint (line.event.serial, ==, next);
    next = line.event.serial + 1;
  }
  return next;
}

static void
test_rotation (void)
{
  g_autofree char          *path    = g_build_filename (folder, "state", "echelon", "journal", NULL);
  g_autofree char          *older   = g_build_filename (path, "20200101-000000-000000-1-001.jsonl", NULL);
  g_autofree char          *foreign = g_build_filename (path, "notes.txt", NULL);
  struct ech_journal_config config  = { .folder = path, .file_bytes = 4096, .folder_bytes = 16384, .n_decks = 3 };
  g_autoptr (GPtrArray)     names   = NULL;
  g_autoptr (GError)        error   = NULL;
  EchJournal               *journal;
  uint64_t                  next  = 0;
  uint32_t                  part  = 0;
  uint64_t                  total = 0;

  g_mkdir_with_parents (path, 0700);
  g_file_set_contents (older, "x", 1, NULL);
  g_file_set_contents (foreign, "x", 1, NULL);
  journal = ech_journal_new (&config, &error);
  g_assert_no_error (error);
  for (uint64_t i = 1; i <= 1000; i++)
    push_event (journal, i);
  g_assert_cmpuint (ech_journal_n_dropped (journal), ==, 0);
  ech_journal_free (journal, 4711);

  g_assert_false (g_file_test (older, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (foreign, G_FILE_TEST_EXISTS));
  g_unlink (foreign);
  names = list (path);
  g_assert_cmpuint (names->len, >=, 3);
  for (guint i = 0; i < names->len; i++) {
    struct stat status;

    g_assert_cmpint (stat (names->pdata[i], &status), ==, 0);
    g_assert_cmpuint (status.st_mode & 0777, ==, 0600);
    total += (uint64_t) status.st_size;
    next = check_file (names->pdata[i], &part, next, i == names->len - 1);
  }
  g_assert_cmpuint (next, ==, 1001);
  g_assert_cmpuint (part, >, names->len);
  g_assert_cmpuint (total, <=, 16384 + 200);
  g_test_message ("1000 lines: %u parts, the last %u kept, %u bytes", part, names->len, (unsigned) total);
}

struct reader {
  int      fd;
  uint64_t n_fates, n_dropped, last;
  bool     ended;
};

static void
read_text (struct reader *reader, const char *text)
{
  struct ech_journal_line line = parse (text);

  if (line.kind == ECH_JOURNAL_FATE) {
    g_assert_cmpuint (line.event.serial, >, reader->last);
    reader->last = line.event.serial;
    reader->n_fates++;
  }
  reader->n_dropped += line.count;
  reader->ended |= line.kind == ECH_JOURNAL_END;
}

static void *
read_pipe (void *data)
{
  struct reader       *reader = data;
  g_autoptr (GString)  text   = g_string_new (NULL);

  while (!reader->ended) {
    char    buffer[4096];
    char   *end;
    ssize_t n = read (reader->fd, buffer, sizeof buffer);

    g_assert_cmpint (n, >, 0);
    g_string_append_len (text, buffer, n);
    while ((end = strchr (text->str, '\n')) != NULL) {
      *end = '\0';
      read_text (reader, text->str);
      g_string_erase (text, 0, end - text->str + 1);
    }
  }
  return NULL;
}

/* A pipe that nobody reads is a disk that hangs: the poster never waits, and each line is either
 * there or counted. */
static void
test_drops (void)
{
  g_autofree char          *path   = g_build_filename (folder, "pipe", NULL);
  struct ech_journal_config config = { .file = path, .capacity = RING, .n_decks = 2 };
  struct reader             reader = { 0 };
  EchJournal               *journal;
  GThread                  *thread;
  uint64_t                  n_dropped;

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  reader.fd = open (path, O_RDWR);
  journal   = ech_journal_new (&config, NULL);
  g_assert_nonnull (journal);
  for (uint64_t i = 1; i <= MANY; i++)
    push_event (journal, i);
  n_dropped = ech_journal_n_dropped (journal);
  g_assert_cmpuint (n_dropped, >, MANY / 2);
  thread = g_thread_new ("reader", read_pipe, &reader);
  ech_journal_free (journal, 0);
  g_thread_join (thread);
  close (reader.fd);
  g_assert_cmpuint (reader.n_dropped, ==, n_dropped);
  g_assert_cmpuint (reader.n_fates + reader.n_dropped, ==, MANY);
  g_test_message ("%d posted: %u written, %u counted as lost", MANY, (unsigned) reader.n_fates, (unsigned) reader.n_dropped);
}

static void
test_unwritable (void)
{
  static const char *const files[] = { "/dev/full", "/proc/no-such/journal" };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
    struct ech_journal_config config = { .file = files[i], .n_decks = 2 };
    g_autoptr (GError)        error  = NULL;

    g_assert_null (ech_journal_new (&config, &error));
    g_assert_nonnull (strstr (error->message, files[i]));
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int                status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("echelon-journal-XXXXXX", &error);
  g_assert_no_error (error);
  g_test_add_func ("/journal/actions", test_actions);
  g_test_add_func ("/journal/damage", test_damage);
  g_test_add_func ("/journal/rotation", test_rotation);
  g_test_add_func ("/journal/drops", test_drops);
  g_test_add_func ("/journal/unwritable", test_unwritable);
  status = g_test_run ();
  g_spawn_sync (NULL, (char *[]){ "rm", "-r", folder, NULL }, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free (folder);
  return status;
}
