/* Renders Echelon's own demo pieces.
 *
 *   echelon-demo-music FOLDER
 *
 * writes them as FLAC files, and pieces.json, which tells their truth: tempo,
 * first beat, frames a beat, key.  Beat b begins on frame
 * round (first_beat_frame + b * 60 * rate / bpm), with an attack of no more than one
 * frame, so that tests can find every onset in the samples.  The same input gives the
 * same bytes: all noise is seeded.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <sndfile.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_PER_BEAT = 4, BEATS_PER_BAR = 4, STEPS_PER_BAR = 16, N_CHORDS = 4, N_NOTES = 4 };

enum layer { KICK = 1, CLAP = 2, HATS = 4, BASS = 8, CHORDS = 16, ARP = 32, CLICK = 64 };

struct piece {
  const char *file, *title, *key;
  double      bpm;
  int         rate, n_bars;
  int         first_beat_frame;
  int         chords[N_CHORDS][N_NOTES]; /* MIDI notes, root first */
  const char *bass;                      /* steps of a bar: x = root, o = octave up */
  const char *stabs;
  unsigned    sections[8];               /* layers, each for an eighth of the piece */
};

static const struct piece pieces[] = {
  { "harbour-lights.flac", "Harbour Lights", "Am", 124.0, 44100, 32, 0,
    { { 45, 60, 64, 69 }, { 41, 60, 65, 69 }, { 48, 60, 64, 67 }, { 43, 59, 62, 67 } },
    "x..xx.x.x..xx.o.", "..x..x....x..x..",
    { KICK | HATS, KICK | HATS | CLAP | BASS, KICK | HATS | CLAP | BASS | CHORDS,
      KICK | HATS | CLAP | BASS | CHORDS | ARP, CHORDS | ARP | HATS,
      KICK | HATS | CLAP | BASS | CHORDS | ARP, KICK | HATS | CLAP | BASS | ARP,
      KICK | HATS | CLAP } },
  { "night-ferry.flac", "Night Ferry", "Fm", 128.0, 44100, 32, 11025,
    { { 41, 60, 65, 68 }, { 37, 61, 65, 68 }, { 44, 60, 63, 68 }, { 39, 58, 63, 67 } },
    "..x...x...x..xo.", "x.....x.....x...",
    { KICK | HATS, KICK | HATS | BASS, KICK | HATS | CLAP | BASS | CHORDS,
      KICK | HATS | CLAP | BASS | CHORDS | ARP, KICK | CHORDS | ARP,
      KICK | HATS | CLAP | BASS | CHORDS | ARP, KICK | HATS | CLAP | BASS | CHORDS,
      KICK | HATS | CLAP } },
  { "north-pier.flac", "North Pier", "Gm", 126.0, 48000, 32, 6000,
    { { 43, 58, 62, 67 }, { 39, 58, 63, 67 }, { 46, 58, 62, 65 }, { 41, 57, 60, 65 } },
    "x.x.o.x.x.x.o.xx", "...x..x....x..x.",
    { KICK | HATS, KICK | HATS | CLAP | BASS, KICK | HATS | CLAP | BASS | ARP,
      KICK | HATS | CLAP | BASS | CHORDS | ARP, KICK | CHORDS | ARP,
      KICK | HATS | CLAP | BASS | CHORDS | ARP, KICK | HATS | CLAP | BASS | CHORDS,
      KICK | HATS | CLAP } },
  { "click.flac", "Click", "", 120.0, 44100, 32, 0,
    { { 69 }, { 69 }, { 69 }, { 69 } }, "................", "................",
    { CLICK, CLICK, CLICK, CLICK, CLICK, CLICK, CLICK, CLICK } },
};

struct song {
  const struct piece *piece;
  float              *left, *right; /* n_frames, before ducking by the kick: see mix () */
  float              *drums;
  long                n_frames;
  uint32_t            seed;
};

static double
noise (struct song *song)
{
  song->seed = song->seed * 1664525u + 1013904223u;
  return (double) (song->seed >> 8) / 8388608.0 - 1.0;
}

static double
frequency_of (int note)
{
  return 440.0 * pow (2.0, (note - 69) / 12.0);
}

static long
frame_of_step (const struct piece *piece, int step)
{
  return lround (piece->first_beat_frame
                 + step * 60.0 * piece->rate / piece->bpm / STEPS_PER_BEAT);
}

static void
add_kick (struct song *song, long at)
{
  double rate = song->piece->rate, phase = M_PI / 2; /* at full level on its first frame */

  for (long i = 0; i < rate * 0.35 && at + i < song->n_frames; i++) {
    double t = i / rate;

    phase += 2 * M_PI * (48.0 + 180.0 * exp (-t * 38.0)) / rate;
    song->drums[at + i] += (float) (0.62 * sin (phase) * exp (-t * 9.0)
                                    + 0.18 * noise (song) * exp (-t * 400.0));
  }
}

static void
add_noise_hit (struct song *song, long at, double level, double decay, double brightness)
{
  double rate = song->piece->rate, low = 0.0;
  double a    = 1.0 - exp (-2 * M_PI * brightness / rate);

  for (long i = 0; i < rate * 5.0 / decay && at + i < song->n_frames; i++) {
    double x = noise (song);

    low += a * (x - low);
    song->drums[at + i] += (float) (level * (x - low) * exp (-(i / rate) * decay));
  }
}

static void
add_click (struct song *song, long at, int is_bar)
{
  double rate  = song->piece->rate;
  double level = is_bar ? 0.8 : 0.5, frequency_hz = is_bar ? 1500 : 1000;

  for (long i = 0; i < rate * 0.03 && at + i < song->n_frames; i++)
    song->drums[at + i] += (float) (level * cos (2 * M_PI * frequency_hz * i / rate)
                                    * exp (-(i / rate) * 150.0));
}

/* Band-limited enough: the partials stop under 8 kHz.  sin ((k + 1) x) comes from the
 * two before it, which is what makes the rendering quick. */
static double
saw (double phase, double frequency_hz)
{
  double twice_cos = 2.0 * cos (phase), before = 0.0, now = sin (phase), sum = 0.0;

  for (int k = 1; k <= 24 && k * frequency_hz < 8000.0; k++) {
    double next = twice_cos * now - before;

    sum += now / k;
    before = now;
    now    = next;
  }
  return sum;
}

static void
add_bass (struct song *song, long at, int note)
{
  double rate = song->piece->rate, f = frequency_of (note), low = 0.0;

  for (long i = 0; i < rate * 0.22 && at + i < song->n_frames; i++) {
    double t = i / rate;
    double a = 1.0 - exp (-2 * M_PI * (120.0 + 900.0 * exp (-t * 14.0)) / rate);
    double envelope = exp (-t * 6.0) * fmin (1.0, (0.22 - t) * 80.0);

    low += a * (saw (2 * M_PI * f * t, f) - low);
    song->left[at + i] += (float) (0.30 * low * envelope);
    song->right[at + i] += (float) (0.30 * low * envelope);
  }
}

static void
add_stab (struct song *song, long at, const int *notes, double seconds, double level)
{
  double rate = song->piece->rate;

  for (int n = 1; n < N_NOTES; n++) {
    double f = frequency_of (notes[n]), low_l = 0.0, low_r = 0.0;

    for (long i = 0; i < rate * seconds && at + i < song->n_frames; i++) {
      double t = i / rate;
      double a = 1.0 - exp (-2 * M_PI * (500.0 + 2500.0 * exp (-t * 9.0)) / rate);
      double envelope = exp (-t * 4.5) * fmin (1.0, t * 400.0) * fmin (1.0, (seconds - t) * 60.0);

      low_l += a * (saw (2 * M_PI * f * 0.997 * t, f) - low_l);
      low_r += a * (saw (2 * M_PI * f * 1.003 * t + 1.0, f) - low_r);
      song->left[at + i] += (float) (level * low_l * envelope);
      song->right[at + i] += (float) (level * low_r * envelope);
    }
  }
}

static void
add_pluck (struct song *song, long at, int note, double pan)
{
  double rate = song->piece->rate, f = frequency_of (note);

  for (long i = 0; i < rate * 0.3 && at + i < song->n_frames; i++) {
    double t = i / rate;
    double x = 0.09 * (sin (2 * M_PI * f * t) + 0.4 * sin (4 * M_PI * f * t) * exp (-t * 20.0))
               * exp (-t * 11.0) * fmin (1.0, t * 600.0);

    song->left[at + i] += (float) (x * (1.0 - pan));
    song->right[at + i] += (float) (x * pan);
  }
}

static void
add_drum_step (struct song *song, unsigned layers, int step, long at)
{
  int in_bar = step % STEPS_PER_BAR, in_beat = step % STEPS_PER_BEAT;

  if ((layers & KICK) && in_beat == 0)
    add_kick (song, at);
  if ((layers & CLAP) && in_bar % 8 == 4)
    add_noise_hit (song, at, 0.28, 26.0, 900.0);
  if ((layers & HATS) && in_beat == 2)
    add_noise_hit (song, at, 0.20, 38.0, 7000.0);
  else if ((layers & HATS) && in_beat % 2 == 1)
    add_noise_hit (song, at, 0.06, 90.0, 8000.0);
  if ((layers & CLICK) && in_beat == 0)
    add_click (song, at, in_bar == 0);
}

static void
add_tone_step (struct song *song, unsigned layers, int step, long at)
{
  const struct piece *piece  = song->piece;
  int                 in_bar = step % STEPS_PER_BAR;
  const int          *chord  = piece->chords[step / STEPS_PER_BAR % N_CHORDS];

  if ((layers & BASS) && piece->bass[in_bar] != '.')
    add_bass (song, at, chord[0] - 12 + (piece->bass[in_bar] == 'o' ? 12 : 0));
  if ((layers & CHORDS) && piece->stabs[in_bar] == 'x')
    add_stab (song, at, chord, 0.32, 0.055);
  if ((layers & CHORDS) && in_bar == 0)
    add_stab (song, at, chord, 1.6, 0.028);
  if ((layers & ARP) && step % 2 == 0)
    add_pluck (song, at, chord[1 + step / 2 % 3] + 12 + (step % 3 == 0 ? 12 : 0),
               step / 2 % 2 ? 0.75 : 0.25);
}

/* The rest makes way for the kick, as the genre has it. */
static float *
mix (struct song *song)
{
  const struct piece *piece  = song->piece;
  float              *stereo = calloc ((size_t) song->n_frames * 2, sizeof *stereo);
  double              frames_per_beat = 60.0 * piece->rate / piece->bpm;

  for (long i = 0; stereo && i < song->n_frames; i++) {
    double beat  = (i - piece->first_beat_frame) / frames_per_beat;
    int    part  = beat < 0 ? 0 : (int) (beat * 8 / (piece->n_bars * BEATS_PER_BAR));
    int    kicks = part < 8 && (piece->sections[part] & KICK) && beat >= 0;
    double duck  = kicks ? 1.0 - 0.6 * exp (-5.0 * (beat - floor (beat))) : 1.0;

    stereo[2 * i]     = (float) (0.9 * tanh (song->drums[i] + duck * song->left[i]));
    stereo[2 * i + 1] = (float) (0.9 * tanh (song->drums[i] + duck * song->right[i]));
  }
  return stereo;
}

static float *
compose (const struct piece *piece, long *out_n_frames)
{
  int         n_steps = piece->n_bars * STEPS_PER_BAR;
  struct song song    = { piece, NULL, NULL, NULL, frame_of_step (piece, n_steps), 20261122u };
  float      *stereo  = NULL;

  song.left  = calloc ((size_t) song.n_frames, sizeof (float));
  song.right = calloc ((size_t) song.n_frames, sizeof (float));
  song.drums = calloc ((size_t) song.n_frames, sizeof (float));
  if (song.left && song.right && song.drums) {
    for (int step = 0; step < n_steps; step++) {
      unsigned layers = piece->sections[step * 8 / n_steps];

      add_drum_step (&song, layers, step, frame_of_step (piece, step));
      add_tone_step (&song, layers, step, frame_of_step (piece, step));
    }
    stereo = mix (&song);
  }
  free (song.left);
  free (song.right);
  free (song.drums);
  *out_n_frames = song.n_frames;
  return stereo;
}

static int
write_flac (const char *path, const struct piece *piece, const float *stereo, long n_frames)
{
  SF_INFO  info = { .samplerate = piece->rate, .channels = 2,
                    .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16 };
  SNDFILE *file = sf_open (path, SFM_WRITE, &info);
  int      ok;

  if (!file)
    return 0;
  sf_set_string (file, SF_STR_TITLE, piece->title);
  sf_set_string (file, SF_STR_ARTIST, "Echelon");
  ok = sf_writef_float (file, stereo, n_frames) == n_frames;
  return sf_close (file) == 0 && ok;
}

static int
render (const char *folder, const struct piece *piece, FILE *truth, const char *separator)
{
  char   path[4096];
  long   n_frames;
  float *stereo = compose (piece, &n_frames);
  int    ok;

  snprintf (path, sizeof path, "%s/%s", folder, piece->file);
  ok = stereo && write_flac (path, piece, stereo, n_frames);
  if (!ok)
    fprintf (stderr, "echelon-demo-music: cannot write %s\n", path);
  free (stereo);
  fprintf (truth,
           "%s  {\"file\": \"%s\", \"title\": \"%s\", \"bpm\": %.2f, \"rate\": %d, "
           "\"first_beat_frame\": %d, \"frames_per_beat\": %.9f, \"beats\": %d, "
           "\"length_frames\": %ld, \"key\": \"%s\"}",
           separator, piece->file, piece->title, piece->bpm, piece->rate, piece->first_beat_frame,
           60.0 * piece->rate / piece->bpm, piece->n_bars * BEATS_PER_BAR, n_frames, piece->key);
  return ok;
}

int
main (int argc, char **argv)
{
  char  path[4096];
  FILE *truth;
  int   ok = 1;

  if (argc != 2 || argv[1][0] == '-') {
    fprintf (stderr, "usage: echelon-demo-music FOLDER\n");
    return 2;
  }
  snprintf (path, sizeof path, "%s/pieces.json", argv[1]);
  truth = fopen (path, "w");
  if (!truth) {
    fprintf (stderr, "echelon-demo-music: cannot write %s\n", path);
    return 1;
  }
  fprintf (truth, "[");
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
    ok &= render (argv[1], &pieces[i], truth, i ? ",\n" : "\n");
  fprintf (truth, "\n]\n");
  return fclose (truth) == 0 && ok ? 0 : 1;
}
