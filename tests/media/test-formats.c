/* Every format, rate and channel count: the samples are libsndfile's.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "tests/media/sounds.h"

static EchLoader *loader;

static const struct format_case {
  const char *why, *name;
  int         format, rate, channels;
  const char *command; /* makes @name from the written source.wav, or NULL */
  bool        estimated; /* libsndfile estimates the length, and cuts off what is longer */
} cases[] = {
  { "16 bit", "a16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, NULL, false },
  { "24 bit", "a24.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 48000, 2, NULL, false },
  { "float", "af.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 96000, 2, NULL, false },
  { "8 bit, mono, 22.05 kHz", "u8.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 22050, 1, NULL, false },
  { "lowest rate", "low.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1, NULL, false },
  { "highest rate", "high.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 192000, 2, NULL, false },
  { "six channels", "six.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 6, NULL, false },
  { "AIFF", "a.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 44100, 2, NULL, false },
  { "W64", "a.w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16, 44100, 2, NULL, false },
  { "FLAC", "a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, NULL, false },
  { "FLAC 24 bit 96 kHz", "b.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 96000, 2, NULL, false },
  { "FLAC mono", "c.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 22050, 1, NULL, false },
  { "flac's own", "d.flac", 0, 44100, 2, "flac -f -o d.flac source.wav", false },
  { "FLAC of unknown length", "e.flac", 0, 44100, 2,
    "tail -c +45 source.wav | head -c 546840 | flac --force-raw-format --sample-rate=44100 "
    "--channels=2 --bps=16 --sign=signed --endian=little -c - > e.flac",
    false },
  { "Vorbis", "a.ogg", 0, 44100, 2, "oggenc -q 5 -o a.ogg source.wav", false },
  { "Vorbis mono 48 kHz", "b.ogg", 0, 48000, 1, "oggenc -q 3 -o b.ogg source.wav", false },
  { "Opus", "a.opus", 0, 48000, 2, "opusenc --bitrate 128 source.wav a.opus", false },
  { "Opus from 44.1 kHz, mono", "b.opus", 0, 44100, 1, "opusenc source.wav b.opus", false },
  { "MP3", "a.mp3", 0, 44100, 2, "lame -b 192 source.wav a.mp3", false },
  { "MP3, variable", "b.mp3", 0, 44100, 2, "lame -V 4 source.wav b.mp3", false },
  { "MP3, variable, no header", "c.mp3", 0, 44100, 2, "lame -V 4 -t source.wav c.mp3", true },
  { "MP3, constant, no header", "f.mp3", 0, 44100, 2, "lame -b 128 -t source.wav f.mp3", true },
  { "MP3 mono 22.05 kHz", "d.mp3", 0, 22050, 1, "lame -b 64 source.wav d.mp3", false },
  { "MP3 with a long ID3v2", "e.mp3", 0, 44100, 2,
    "lame -b 128 --id3v2-only --tt Title --ta Artist --pad-id3v2-size 60000 source.wav e.mp3",
    false },
};

static void
test_format (gconstpointer data)
{
  const struct format_case *c = data;
  g_autofree char          *path = NULL;
  g_autofree float         *expected = NULL;
  g_autoptr (EchTrack)      track = NULL;
  g_autoptr (GError)        error = NULL;
  sf_count_t                n;
  SF_INFO                   info;

  if (c->command) {
    g_autofree char *source = sounds_write ("source.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, c->rate,
                                            c->channels, 3.1);

    path = sounds_path (c->name);
    if (!sounds_run (c->command)) {
      g_test_skip ("the encoder is not installed");
      return;
    }
  } else {
    path = sounds_write (c->name, c->format, c->rate, c->channels, 3.1);
  }
  expected = sounds_read (path, &n, &info);
  track    = ech_loader_load_sync (loader, path, FALSE, &error);
  g_assert_no_error (error);
  if (c->estimated)
    n = MIN (n, (sf_count_t) ech_track_length_frames (track));
  else
    g_assert_cmpuint (ech_track_length_frames (track), ==, n);
  g_assert_cmpfloat (ech_track_length_seconds (track), >=, 3.099);
  g_assert_cmpfloat (ech_track_length_seconds (track), <, 3.2);
  g_assert_cmpuint (ech_track_decoded_frames (track), ==, ech_track_length_frames (track));
  g_assert_cmpfloat (ech_track_rate (track), ==, info.samplerate);
  g_assert_cmpuint (ech_track_file_channels (track), ==, info.channels);
  g_assert_true (ech_track_is_complete (track));
  g_assert_cmpmem (ech_track_pcm (track)->frames, n * 2 * sizeof (float), expected,
                   n * 2 * sizeof (float));
}

static void
test_tags (void)
{
  g_autofree char *wav = sounds_write ("tags.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 0.3);
  g_autofree char *flac =
      sounds_write ("tags.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, 0.3);
  g_autofree char     *bare = sounds_path ("no tags.here.wav");
  g_autoptr (EchTrack) a    = ech_loader_load_sync (loader, wav, FALSE, NULL);
  g_autoptr (EchTrack) b    = ech_loader_load_sync (loader, flac, FALSE, NULL);
  g_autoptr (EchTrack) c    = NULL;

  g_assert_cmpstr (ech_track_title (a), ==, "Straße in Ωmega");
  g_assert_cmpstr (ech_track_title (b), ==, "Straße in Ωmega");
  g_assert_cmpstr (ech_track_artist (b), ==, "Die Prüfer");
  g_assert_true (sounds_run ("sox tags.wav --comment '' 'no tags.here.wav' trim 0 0.1"));
  c = ech_loader_load_sync (loader, bare, FALSE, NULL);
  g_assert_cmpstr (ech_track_title (c), ==, "no tags.here");
  g_assert_cmpstr (ech_track_artist (c), ==, "");
  g_assert_cmpstr (ech_track_path (c), ==, bare);
}

static void
test_mp3_tags (void)
{
  g_autofree char *wav = sounds_write ("source.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, 1);
  g_autofree char     *mp3 = sounds_path ("tags.mp3");
  g_autoptr (EchTrack) track = NULL;

  if (!sounds_run ("lame --tt 'Nachtfähre' --ta 'Echelon' source.wav tags.mp3")) {
    g_test_skip ("lame is not installed");
    return;
  }
  track = ech_loader_load_sync (loader, mp3, FALSE, NULL);
  g_assert_cmpstr (ech_track_title (track), ==, "Nachtfähre");
  g_assert_cmpstr (ech_track_artist (track), ==, "Echelon");
}

/* What a file holds that is no sound at all becomes silence. */
static void
test_wild_samples (void)
{
  g_autofree char     *path  = sounds_path ("wild.wav");
  SF_INFO              info  = { .samplerate = 44100, .channels = 2,
                                 .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT };
  SNDFILE             *file  = sf_open (path, SFM_WRITE, &info);
  const float          wild[] = { NAN, 0.5f, INFINITY, -INFINITY, 1e30f, -0.25f, 2.0f, -3.0f };
  const float          kept[] = { 0.0f, 0.5f, 0.0f, 0.0f, 0.0f, -0.25f, 2.0f, -3.0f };
  g_autoptr (EchTrack) track = NULL;

  sf_writef_float (file, wild, 4);
  sf_close (file);
  track = ech_loader_load_sync (loader, path, FALSE, NULL);
  g_assert_cmpuint (ech_track_length_frames (track), ==, 4);
  g_assert_cmpmem (ech_track_pcm (track)->frames, sizeof kept, kept, sizeof kept);
}

/* Loud, then silent, then a low tone, then a high one: each 16 bins long. */
static void
test_peaks (void)
{
  enum { SPAN = 16 * ECH_PEAK_BIN_FRAMES };
  g_autofree char           *path  = sounds_path ("peaks.wav");
  SF_INFO                    info  = { .samplerate = 44100, .channels = 2,
                                       .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT };
  SNDFILE                   *file  = sf_open (path, SFM_WRITE, &info);
  g_autoptr (EchTrack)       track = NULL;
  const struct ech_peak_bin *bins;
  size_t                     n_bins;

  for (int i = 0; i < 4 * SPAN + 10; i++) {
    double level = i < SPAN ? (i % 100 ? 0.1 : 1.0)
                   : i < 2 * SPAN ? 0.0
                   : i < 3 * SPAN ? 0.8 * sin (2 * M_PI * 60 * i / 44100.0)
                   : 0.8 * sin (2 * M_PI * 9000 * i / 44100.0);
    const float frame[] = { (float) level, (float) level };

    sf_writef_float (file, frame, 1);
  }
  sf_close (file);
  track = ech_loader_load_sync (loader, path, FALSE, NULL);
  bins  = ech_track_peaks (track, &n_bins);
  g_assert_cmpuint (n_bins, ==, 4 * 16 + 1);
  g_assert_cmpuint (bins[3].peak, ==, 255);
  g_assert_cmpuint (bins[28].peak, ==, 0);
  g_assert_cmpuint (bins[28].low, <, 4);
  g_assert_cmpuint (bins[40].low, >, 120);
  g_assert_cmpuint (bins[40].low, >, 3 * bins[40].high);
  g_assert_cmpuint (bins[60].high, >, 120);
  g_assert_cmpuint (bins[60].high, >, 3 * bins[60].low);
  g_assert_cmpuint (bins[40].peak, ==, 204);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  loader = ech_loader_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *name = g_strdup_printf ("/formats/%s", cases[i].why);

    g_test_add_data_func (name, &cases[i], test_format);
  }
  g_test_add_func ("/formats/tags", test_tags);
  g_test_add_func ("/formats/mp3-tags", test_mp3_tags);
  g_test_add_func ("/formats/wild-samples", test_wild_samples);
  g_test_add_func ("/formats/peaks", test_peaks);
  status = g_test_run ();
  ech_loader_free (loader);
  sounds_finish ();
  return status;
}
