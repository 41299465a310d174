/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/media/track-private.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct _EchTrack {
  struct ech_pcm pcm; /* first: ech_track_pcm() casts */

  gatomicrefcount   ref_count;
  _Atomic uint64_t  n_peaks;
  _Atomic bool      complete;

  /* fixed */
  void                      *memory;
  size_t                     memory_bytes; /* the loader's thread trims it once */
  const struct ech_peak_bin *peaks;
  char                      *path;
  char                      *title;
  char                      *artist;
  unsigned                   file_channels;

  /* by lock */
  GMutex              lock;
  struct ech_analysis analysis;
};

G_STATIC_ASSERT (G_STRUCT_OFFSET (EchTrack, pcm) == 0);

static void
release_pcm (struct ech_pcm *pcm)
{
  ech_track_unref (ech_track_from_pcm (pcm));
}

/* A tag is untrusted: it becomes one line of valid UTF-8. */
static char *
clean_tag (const char *tag)
{
  g_autofree char *text = g_utf8_make_valid (tag, -1);

  for (char *p = text; *p; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      memset (p, ' ', g_utf8_next_char (p) - p);
  return g_strdup (g_strstrip (text));
}

static char *
title_from_path (const char *path)
{
  g_autofree char *name  = g_path_get_basename (path);
  g_autofree char *shown = g_filename_display_name (name);
  char            *dot   = strrchr (shown, '.');

  if (dot && dot != shown)
    *dot = '\0';
  return g_steal_pointer (&shown);
}

EchTrack *
ech_track_new (const char                *path,
               void                      *memory,
               size_t                     memory_bytes,
               const struct ech_peak_bin *peaks,
               const float               *frames,
               uint64_t                   length_frames,
               double                     rate,
               unsigned                   file_channels,
               const char                *title,
               const char                *artist)
{
  EchTrack *track = g_new0 (EchTrack, 1);

  g_atomic_ref_count_init (&track->ref_count);
  g_mutex_init (&track->lock);
  track->pcm.frames  = frames;
  track->pcm.rate    = rate;
  track->pcm.release = release_pcm;
  atomic_init (&track->pcm.length_frames, length_frames);
  track->memory        = memory;
  track->memory_bytes  = memory_bytes;
  track->peaks         = peaks;
  track->path          = g_strdup (path);
  track->title         = clean_tag (title);
  track->artist        = clean_tag (artist);
  track->file_channels = file_channels;
  if (!*track->title) {
    g_free (track->title);
    track->title = title_from_path (path);
  }
  track->analysis = (struct ech_analysis){
    .key = ECH_KEY_UNKNOWN, .lufs = NAN, .true_peak_dbtp = NAN, .grid.beats_per_bar = 4
  };
  return track;
}

EchTrack *
ech_track_ref (EchTrack *track)
{
  g_atomic_ref_count_inc (&track->ref_count);
  return track;
}

void
ech_track_unref (EchTrack *track)
{
  if (!track || !g_atomic_ref_count_dec (&track->ref_count))
    return;
  munmap (track->memory, track->memory_bytes);
  g_mutex_clear (&track->lock);
  g_free (track->path);
  g_free (track->title);
  g_free (track->artist);
  g_free (track);
}

/* The audio thread must not be the first to touch a page. */
static void
bring_pages_in (const void *start, size_t n_bytes)
{
  uintptr_t page  = (uintptr_t) sysconf (_SC_PAGESIZE);
  uintptr_t begin = (uintptr_t) start / page * page;
  uintptr_t end   = ((uintptr_t) start + n_bytes + page - 1) / page * page;

#ifdef MADV_POPULATE_READ
  if (madvise ((void *) begin, end - begin, MADV_POPULATE_READ) == 0)
    return;
#endif
  for (uintptr_t p = begin; p < end; p += page)
    (void) *(volatile const char *) p;
}

void
ech_track_publish (EchTrack *track, uint64_t decoded_frames, uint64_t n_peaks)
{
  uint64_t before = atomic_load_explicit (&track->pcm.decoded_frames, memory_order_relaxed);

  if (decoded_frames > before) {
    bring_pages_in (track->pcm.frames + 2 * before,
                    (decoded_frames - before) * 2 * sizeof (float));
    /* pairs with the audio thread's acquire: frames are written and present */
    atomic_store_explicit (&track->pcm.decoded_frames, decoded_frames, memory_order_release);
  }
  /* pairs with the acquire in ech_track_peaks() */
  atomic_store_explicit (&track->n_peaks, n_peaks, memory_order_release);
}

void
ech_track_complete (EchTrack *track)
{
  uintptr_t page    = (uintptr_t) sysconf (_SC_PAGESIZE);
  uint64_t  decoded = atomic_load_explicit (&track->pcm.decoded_frames, memory_order_relaxed);
  uintptr_t end     = (uintptr_t) (track->pcm.frames + 2 * decoded);
  uintptr_t trimmed = (end + page - 1) / page * page - (uintptr_t) track->memory;

  atomic_store_explicit (&track->pcm.length_frames, decoded, memory_order_release);
  atomic_store_explicit (&track->complete, true, memory_order_release);
  if (trimmed < track->memory_bytes
      && munmap ((char *) track->memory + trimmed, track->memory_bytes - trimmed) == 0)
    track->memory_bytes = trimmed;
}

void
ech_track_set_analysis (EchTrack *track, const struct ech_analysis *analysis)
{
  g_mutex_lock (&track->lock);
  track->analysis = *analysis;
  g_mutex_unlock (&track->lock);
}

const char *
ech_track_path (const EchTrack *track)
{
  return track->path;
}

const char *
ech_track_title (const EchTrack *track)
{
  return track->title;
}

const char *
ech_track_artist (const EchTrack *track)
{
  return track->artist;
}

double
ech_track_rate (const EchTrack *track)
{
  return track->pcm.rate;
}

unsigned
ech_track_file_channels (const EchTrack *track)
{
  return track->file_channels;
}

uint64_t
ech_track_length_frames (EchTrack *track)
{
  return atomic_load_explicit (&track->pcm.length_frames, memory_order_acquire);
}

double
ech_track_length_seconds (EchTrack *track)
{
  return (double) ech_track_length_frames (track) / track->pcm.rate;
}

uint64_t
ech_track_decoded_frames (EchTrack *track)
{
  return atomic_load_explicit (&track->pcm.decoded_frames, memory_order_acquire);
}

bool
ech_track_is_complete (EchTrack *track)
{
  return atomic_load_explicit (&track->complete, memory_order_acquire);
}

const struct ech_peak_bin *
ech_track_peaks (EchTrack *track, size_t *out_n_bins)
{
  /* pairs with the release in ech_track_publish() */
  *out_n_bins = atomic_load_explicit (&track->n_peaks, memory_order_acquire);
  return track->peaks;
}

bool
ech_track_get_analysis (EchTrack *track, struct ech_analysis *out_analysis)
{
  g_mutex_lock (&track->lock);
  *out_analysis = track->analysis;
  g_mutex_unlock (&track->lock);
  return out_analysis->done;
}

void
ech_track_set_grid (EchTrack *track, const struct ech_grid *grid)
{
  g_mutex_lock (&track->lock);
  track->analysis.has_grid   = grid->frames_per_beat > 0;
  track->analysis.grid       = *grid;
  track->analysis.bpm        = ech_grid_bpm (grid, track->pcm.rate);
  track->analysis.confidence = grid->confidence;
  g_mutex_unlock (&track->lock);
}

const char *
ech_key_name (int key)
{
  static const char *const names[] = {
    "C",  "Db",  "D",  "Eb",  "E",  "F",  "F#",  "G",  "Ab",  "A",  "Bb",  "B",
    "Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm",
  };

  return key >= 0 && key < (int) G_N_ELEMENTS (names) ? names[key] : "";
}
