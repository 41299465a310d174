/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Less room than this, about a minute, is no room for a recording. */
#define LEAST_BYTES (32 * 1024 * 1024ull)

/* Longer than this nobody records silence on purpose: the clock has jumped. */
#define LONGEST_GAP_S 600.0

#define POLL_US (40 * 1000)

enum { MAX_NAMES = 1000, SILENCE_FRAMES = 1024 };

struct _EchRecorder {
  struct ech_recorder_config config;
  struct ech_capture        *capture;
  EchScheduler              *scheduler;
  GThread                   *thread;
  GAsyncQueue               *tickets; /* asked for; a ticket is a serial, from 1 */
  _Atomic bool               ending;

  /* all that follows */
  GMutex mutex;
  char  *folder; /* nullable */
  bool   pcm24;

  /* made, and not used yet */
  int   prepared; /* -1 = none */
  char *prepared_path;

  /* being written */
  SNDFILE *sound; /* NULL after a fault: the rest of the take is dropped */
  char    *path;
  uint64_t take;
  double   rate;
  uint64_t written; /* frames */
  uint64_t told;    /* frames that the header knows of */
};

char *
ech_recorder_default_folder (void)
{
  const char *music = g_get_user_special_dir (G_USER_DIRECTORY_MUSIC);

  return music != NULL ? g_build_filename (music, "Echelon", NULL)
                       : g_build_filename (g_get_home_dir (), "Music", "Echelon", NULL);
}

/* Files */

static gboolean
fail (GError **error, const char *path, int number)
{
  g_autofree char *name = g_filename_display_name (path);

  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (number), "Nothing can be recorded into %.80s: %s.",
               name, g_strerror (number));
  return FALSE;
}

static gboolean
has_room (const char *folder, GError **error)
{
  g_autofree char *name = g_filename_display_name (folder);
  struct statvfs   status;

  if (statvfs (folder, &status) != 0)
    return fail (error, folder, errno);
  if ((uint64_t) status.f_bavail * status.f_frsize >= LEAST_BYTES)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "The disk is full: %.80s has less than %d MB left.", name, (int) (LEAST_BYTES >> 20));
  return FALSE;
}

static void
drop_prepared (EchRecorder *recorder)
{
  if (recorder->prepared < 0)
    return;
  unlink (recorder->prepared_path);
  close (recorder->prepared);
  recorder->prepared = -1;
  g_clear_pointer (&recorder->prepared_path, g_free);
}

/* "Echelon 2026-11-22 19.25.43.wav", and where that is taken " 2" and so on. */
static gboolean
open_by_date (EchRecorder *recorder, const char *folder, GError **error)
{
  g_autoptr (GDateTime) now  = g_date_time_new_now_local ();
  g_autofree char      *date = g_date_time_format (now, "%Y-%m-%d %H.%M.%S");

  for (int i = 1; i <= MAX_NAMES; i++) {
    g_autofree char *count = i > 1 ? g_strdup_printf (" %d", i) : g_strdup ("");
    g_autofree char *name  = g_strdup_printf ("Echelon %s%s.wav", date, count);
    g_autofree char *path  = g_build_filename (folder, name, NULL);
    int              fd    = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd >= 0) {
      recorder->prepared      = fd;
      recorder->prepared_path = g_steal_pointer (&path);
      return TRUE;
    }
    if (errno != EEXIST)
      break;
  }
  return fail (error, folder, errno);
}

static gboolean
make_file (EchRecorder *recorder, GError **error)
{
  g_autofree char *folder =
      recorder->folder != NULL ? g_strdup (recorder->folder) : ech_recorder_default_folder ();

  drop_prepared (recorder);
  if (g_mkdir_with_parents (folder, 0755) != 0)
    return fail (error, folder, errno);
  return has_room (folder, error) && open_by_date (recorder, folder, error);
}

/* Takes */

static void
tell_failed (EchRecorder *recorder, const char *reason)
{
  g_autofree char *name = g_filename_display_basename (recorder->path != NULL ? recorder->path : "?");
  char             text[ECH_TEXT_MAX];

  g_snprintf (text, sizeof text, "The recording ends here, %.70s cannot be written: %s", name, reason);
  g_warning ("%s", text);
  if (recorder->config.failed != NULL)
    recorder->config.failed (text, recorder->config.failed_data);
}

static void
close_take (EchRecorder *recorder)
{
  if (recorder->sound != NULL && sf_close (recorder->sound) != 0)
    tell_failed (recorder, "it could not be closed");
  recorder->sound = NULL;
  g_clear_pointer (&recorder->path, g_free);
}

static void
begin_take (EchRecorder *recorder, const struct ech_capture_chunk *chunk)
{
  g_autoptr (GError) error = NULL;
  SF_INFO            info  = {
    .samplerate = (int) chunk->rate,
    .channels   = 2,
    .format     = SF_FORMAT_RF64 | (recorder->pcm24 ? SF_FORMAT_PCM_24 : SF_FORMAT_FLOAT),
  };

  close_take (recorder);
  recorder->take    = chunk->take;
  recorder->rate    = chunk->rate;
  recorder->written = 0;
  recorder->told    = 0;
  /* nobody asked for this one: the device's rate has changed */
  if (recorder->prepared < 0 && !make_file (recorder, &error)) {
    tell_failed (recorder, error->message);
    return;
  }
  recorder->path     = g_steal_pointer (&recorder->prepared_path);
  recorder->sound    = sf_open_fd (recorder->prepared, SFM_WRITE, &info, SF_TRUE);
  recorder->prepared = -1;
  if (recorder->sound == NULL) {
    tell_failed (recorder, sf_strerror (NULL));
    return;
  }
  /* a plain WAV file until it is too large for one */
  sf_command (recorder->sound, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
  sf_command (recorder->sound, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
  sf_command (recorder->sound, SFC_SET_CLIPPING, NULL, SF_TRUE);
}

static void
write_frames (EchRecorder *recorder, const float *stereo, uint32_t n)
{
  if (recorder->sound == NULL || n == 0)
    return;
  if (sf_writef_float (recorder->sound, stereo, n) == (sf_count_t) n) {
    recorder->written += n;
    return;
  }
  tell_failed (recorder, sf_strerror (recorder->sound));
  sf_close (g_steal_pointer (&recorder->sound));
}

static void
write_silence_to (EchRecorder *recorder, uint64_t frame)
{
  static const float silence[2 * SILENCE_FRAMES];

  if ((double) (frame - recorder->written) > LONGEST_GAP_S * recorder->rate)
    return;
  while (recorder->sound != NULL && recorder->written < frame)
    write_frames (recorder, silence, (uint32_t) MIN (frame - recorder->written, (uint64_t) SILENCE_FRAMES));
}

static void
write_chunk (EchRecorder *recorder, const struct ech_capture_chunk *chunk)
{
  if (chunk->take != recorder->take)
    begin_take (recorder, chunk);
  if (chunk->at_frames > recorder->written)
    write_silence_to (recorder, chunk->at_frames);
  write_frames (recorder, chunk->stereo, chunk->n_frames);
  if (chunk->is_last)
    close_take (recorder);
}

static void
update_header (EchRecorder *recorder)
{
  if (recorder->sound == NULL || (double) (recorder->written - recorder->told) < recorder->rate)
    return;
  recorder->told = recorder->written;
  sf_command (recorder->sound, SFC_UPDATE_HEADER_NOW, NULL, 0);
}

static void
drain (EchRecorder *recorder)
{
  struct ech_capture_chunk chunk;

  while (ech_ring_pop (&recorder->capture->ring, &chunk)) {
    write_chunk (recorder, &chunk);
    update_header (recorder);
  }
}

static void
answer (EchRecorder *recorder, uint64_t ticket)
{
  g_autoptr (GError) error = NULL;
  g_autofree char   *name  = NULL;

  g_mutex_lock (&recorder->mutex);
  drain (recorder); /* who has begun has its file */
  if (make_file (recorder, &error))
    name = g_filename_display_name (recorder->prepared_path);
  g_mutex_unlock (&recorder->mutex);
  ech_scheduler_record_result (recorder->scheduler, ticket, name, error != NULL ? error->message : NULL);
}

/* The recorder's thread */

static bool
is_idle (EchRecorder *recorder)
{
  return recorder->prepared < 0 && recorder->path == NULL;
}

static void *
run (void *data)
{
  EchRecorder *recorder = data;
  bool         idle     = true;

  while (!atomic_load (&recorder->ending)) {
    uint64_t *ticket = idle ? g_async_queue_pop (recorder->tickets)
                            : g_async_queue_timeout_pop (recorder->tickets, POLL_US);

    if (ticket != NULL && *ticket != 0)
      answer (recorder, *ticket);
    g_free (ticket);
    g_mutex_lock (&recorder->mutex);
    drain (recorder);
    idle = is_idle (recorder);
    g_mutex_unlock (&recorder->mutex);
  }
  return NULL;
}

static void
push_ticket (EchRecorder *recorder, uint64_t ticket)
{
  uint64_t *copy = g_new (uint64_t, 1);

  *copy = ticket;
  g_async_queue_push (recorder->tickets, copy);
}

static void
prepare (void *data, uint64_t ticket)
{
  EchRecorder *recorder = data;

  if (recorder->config.wait) {
    answer (recorder, ticket);
    ticket = 0; /* the thread sees that there is something to wait for */
  }
  push_ticket (recorder, ticket);
}

static const struct ech_recorder_interface interface = { .prepare = prepare };

void
ech_recorder_attach (EchRecorder *recorder, EchScheduler *scheduler)
{
  recorder->scheduler = scheduler;
  ech_scheduler_set_recorder (scheduler, &interface, recorder);
}

void
ech_recorder_wait (EchRecorder *recorder)
{
  if (ech_ring_fill (&recorder->capture->ring) < ECH_CAPTURE_SLOTS / 2)
    return;
  g_mutex_lock (&recorder->mutex);
  drain (recorder);
  g_mutex_unlock (&recorder->mutex);
}

void
ech_recorder_set_folder (EchRecorder *recorder, const char *folder, bool pcm24)
{
  g_mutex_lock (&recorder->mutex);
  g_free (recorder->folder);
  recorder->folder = g_strdup (folder != NULL && folder[0] != '\0' ? folder : NULL);
  recorder->pcm24  = pcm24;
  g_mutex_unlock (&recorder->mutex);
}

struct ech_capture *
ech_recorder_capture (EchRecorder *recorder)
{
  return recorder->capture;
}

EchRecorder *
ech_recorder_new (const struct ech_recorder_config *config)
{
  EchRecorder *recorder = g_new0 (EchRecorder, 1);

  recorder->config   = *config;
  recorder->prepared = -1;
  recorder->tickets  = g_async_queue_new_full (g_free);
  recorder->capture  = aligned_alloc (64, (sizeof *recorder->capture + 63) & ~(size_t) 63);
  g_assert (recorder->capture != NULL);
  ech_capture_init (recorder->capture);
  g_mutex_init (&recorder->mutex);
  ech_recorder_set_folder (recorder, config->folder, config->pcm24);
  recorder->config.folder = NULL; /* the caller's own */
  recorder->thread        = g_thread_new ("recorder", run, recorder);
  return recorder;
}

void
ech_recorder_free (EchRecorder *recorder)
{
  if (recorder == NULL)
    return;
  atomic_store (&recorder->ending, true);
  push_ticket (recorder, 0);
  g_thread_join (recorder->thread);
  /* what the audio thread had begun to fill, and what it owed */
  if (recorder->capture->is_on)
    ech_capture_split (recorder->capture, recorder->capture->begin_frame + (int64_t) recorder->capture->taken_frames);
  drain (recorder);
  if (recorder->capture->owes_end)
    write_chunk (recorder, &recorder->capture->end);
  close_take (recorder);
  drop_prepared (recorder);
  g_async_queue_unref (recorder->tickets);
  g_mutex_clear (&recorder->mutex);
  g_free (recorder->folder);
  free (recorder->capture);
  g_free (recorder);
}
