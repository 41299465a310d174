/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rt/mixer.h"

#include <string.h>

#include "engine/rt/crossfader.h"

#define DEFAULT_LIMITER_DB (-1.0)

static double
db_to_gain (double db)
{
  return db == 0.0 ? 1.0 : pow (10.0, db / 20.0);
}

static bool
is_quiet (const struct ech_channel *c)
{
  return c->quiet_frames >= ECH_CHANNEL_QUIET_FRAMES;
}

static bool
are_all_quiet (const struct ech_mixer *mixer)
{
  for (uint32_t i = 0; i < mixer->n_decks; i++)
    if (!is_quiet (&mixer->channels[i]))
      return false;
  return true;
}

/* A ramp hides a step in something that sounds; where nothing does it would only
 * cut into what begins next. */
static void
aim (struct ech_smooth *s, double target, bool quiet)
{
  if (quiet)
    ech_smooth_jump (s, target);
  else
    ech_smooth_set (s, target);
}

static void
aim_faders (struct ech_mixer *mixer)
{
  for (uint32_t i = 0; i < mixer->n_decks; i++) {
    struct ech_channel *c = &mixer->channels[i];

    aim (&c->fader, c->volume * ech_crossfader_gain (mixer->curve, mixer->crossfader, i), is_quiet (c));
  }
}

static void
channel_init (struct ech_channel *c, double rate, uint32_t ramp)
{
  ech_smooth_init (&c->trim, 1.0, ramp);
  ech_smooth_init (&c->fader, 1.0, ramp);
  ech_smooth_init (&c->cue, 0.0, ramp);
  ech_eq_init (&c->eq, rate);
  ech_filter_init (&c->filter, rate);
  c->volume       = 1.0;
  c->quiet_frames = ECH_CHANNEL_QUIET_FRAMES;
}

void
ech_mixer_init (struct ech_mixer *mixer, uint32_t n_decks, double rate)
{
  uint32_t ramp = ech_smooth_ramp_frames (rate, ECH_PARAM_RAMP_S);

  memset (mixer, 0, sizeof *mixer);
  mixer->n_decks    = n_decks;
  mixer->crossfader = 0.5;
  for (uint32_t i = 0; i < ECH_MAX_DECKS; i++) {
    channel_init (&mixer->channels[i], rate, ramp);
    ech_smooth_jump (&mixer->channels[i].fader, ech_crossfader_gain (mixer->curve, 0.5, i));
  }
  ech_smooth_init (&mixer->master, 1.0, ramp);
  ech_smooth_init (&mixer->booth, 1.0, ramp);
  ech_smooth_init (&mixer->headphones, 1.0, ramp);
  ech_smooth_init (&mixer->headphones_mix, 0.0, ramp);
  ech_limiter_init (&mixer->limiter, rate);
  ech_limiter_set_ceiling (&mixer->limiter, db_to_gain (DEFAULT_LIMITER_DB));
  ech_limiter_reset (&mixer->limiter);
}

static void
keep_target (struct ech_smooth *fresh, const struct ech_smooth *old)
{
  ech_smooth_jump (fresh, old->target);
}

void
ech_mixer_set_rate (struct ech_mixer *mixer, double rate)
{
  struct ech_mixer old = *mixer;

  ech_mixer_init (mixer, old.n_decks, rate);
  mixer->crossfader = old.crossfader;
  mixer->curve      = old.curve;
  for (uint32_t i = 0; i < ECH_MAX_DECKS; i++) {
    struct ech_channel       *c   = &mixer->channels[i];
    const struct ech_channel *was = &old.channels[i];

    c->trim_db = was->trim_db;
    c->volume  = was->volume;
    c->filter_position = was->filter_position;
    keep_target (&c->trim, &was->trim);
    keep_target (&c->fader, &was->fader);
    keep_target (&c->cue, &was->cue);
    for (int band = 0; band < ECH_N_BANDS; band++)
      ech_eq_set_gain (&c->eq, (enum ech_band) band, was->eq.gains[band].target);
    ech_eq_reset (&c->eq);
    ech_filter_set (&c->filter, was->filter_position);
    ech_filter_reset (&c->filter);
  }
  keep_target (&mixer->master, &old.master);
  keep_target (&mixer->booth, &old.booth);
  keep_target (&mixer->headphones, &old.headphones);
  keep_target (&mixer->headphones_mix, &old.headphones_mix);
  ech_limiter_set_ceiling (&mixer->limiter, old.limiter.ceiling.target);
  ech_limiter_reset (&mixer->limiter);
}

static void
channel_set (struct ech_mixer *mixer, struct ech_channel *c, uint32_t param, double value)
{
  switch (param) {
  case ECH_PARAM_TRIM:
    c->trim_db = value;
    aim (&c->trim, db_to_gain (value), is_quiet (c));
    break;
  case ECH_PARAM_EQ_LOW:
  case ECH_PARAM_EQ_MID:
  case ECH_PARAM_EQ_HIGH:
    ech_eq_set_gain (&c->eq, (enum ech_band) (param - ECH_PARAM_EQ_LOW),
                     value <= ECH_EQ_KILL_DB ? 0.0 : db_to_gain (value));
    if (is_quiet (c))
      ech_eq_reset (&c->eq);
    break;
  case ECH_PARAM_FILTER:
    c->filter_position = value;
    ech_filter_set (&c->filter, value);
    if (is_quiet (c))
      ech_filter_reset (&c->filter);
    break;
  case ECH_PARAM_VOLUME:
    c->volume = value;
    aim_faders (mixer);
    break;
  case ECH_PARAM_PFL:
    aim (&c->cue, value != 0.0 ? 1.0 : 0.0, is_quiet (c));
    break;
  default:
    break;
  }
}

void
ech_mixer_set (struct ech_mixer *mixer, uint32_t deck, uint32_t param, double value)
{
  switch (param) {
  case ECH_PARAM_CROSSFADER:
    mixer->crossfader = value;
    aim_faders (mixer);
    break;
  case ECH_PARAM_CROSSFADER_CURVE:
    mixer->curve = (uint32_t) value;
    aim_faders (mixer);
    break;
  case ECH_PARAM_LIMITER:
    ech_limiter_set_ceiling (&mixer->limiter, db_to_gain (value));
    if (are_all_quiet (mixer))
      ech_limiter_reset (&mixer->limiter);
    break;
  case ECH_PARAM_MASTER_VOLUME:
    aim (&mixer->master, value, are_all_quiet (mixer));
    break;
  case ECH_PARAM_BOOTH_VOLUME:
    aim (&mixer->booth, value, are_all_quiet (mixer));
    break;
  case ECH_PARAM_HEADPHONES_VOLUME:
    aim (&mixer->headphones, value, are_all_quiet (mixer));
    break;
  case ECH_PARAM_HEADPHONES_MIX:
    aim (&mixer->headphones_mix, value, are_all_quiet (mixer));
    break;
  default:
    if (deck < mixer->n_decks)
      channel_set (mixer, &mixer->channels[deck], param, value);
  }
}

/* Multiplies in place; a settled gain of 1 leaves every bit as it is. */
static void
apply_gain (struct ech_smooth *gain, float *stereo, uint32_t n)
{
  if (ech_smooth_is_settled (gain) && gain->value == 1.0)
    return;
  for (uint32_t i = 0; i < n; i++) {
    float g = (float) ech_smooth_next (gain);

    stereo[2 * i] *= g;
    stereo[2 * i + 1] *= g;
  }
}

static void
add_cue (struct ech_channel *c, const float *stereo, float *cue, uint32_t n)
{
  if (ech_smooth_is_settled (&c->cue) && c->cue.value == 0.0)
    return;
  for (uint32_t i = 0; i < n; i++) {
    float g = (float) ech_smooth_next (&c->cue);

    cue[2 * i] += g * stereo[2 * i];
    cue[2 * i + 1] += g * stereo[2 * i + 1];
  }
}

static void
count_quiet (struct ech_channel *c, const float *stereo, uint32_t n)
{
  for (uint32_t i = n; i > 0; i--) {
    if (stereo[2 * i - 2] != 0.0f || stereo[2 * i - 1] != 0.0f) {
      c->quiet_frames = n - i;
      return;
    }
  }
  c->quiet_frames += n;
}

static void
channel_process (struct ech_channel *c, const float *in, uint32_t n, float *strip, float *sum, float *cue)
{
  if (in != NULL)
    memcpy (strip, in, 2 * n * sizeof *strip);
  else
    memset (strip, 0, 2 * n * sizeof *strip);
  count_quiet (c, strip, n);
  apply_gain (&c->trim, strip, n);
  ech_eq_process (&c->eq, strip, n);
  ech_filter_process (&c->filter, strip, n);
  add_cue (c, strip, cue, n);
  apply_gain (&c->fader, strip, n);
  ech_meter_add (&c->meter, strip, n);
  for (uint32_t i = 0; i < 2 * n; i++)
    sum[i] += strip[i];
}

/* The cue bus waits as long as the limiter looks ahead, so that cue and master are in time. */
static void
delay_cue (struct ech_mixer *mixer, float *cue, uint32_t n)
{
  uint32_t length = ech_limiter_latency (&mixer->limiter);

  for (uint32_t i = 0; i < n; i++) {
    float *slot = &mixer->cue_delay[2 * mixer->cue_delay_at];
    float  left = slot[0], right = slot[1];

    slot[0]        = cue[2 * i];
    slot[1]        = cue[2 * i + 1];
    cue[2 * i]     = left;
    cue[2 * i + 1] = right;
    if (++mixer->cue_delay_at >= length)
      mixer->cue_delay_at = 0;
  }
}

static float
held_to_full_scale (float sample)
{
  return sample > 1.0f ? 1.0f : sample < -1.0f ? -1.0f : sample == sample ? sample : 0.0f;
}

static void
mix_headphones (struct ech_mixer *mixer, const float *cue, const float *sum, float *out, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    float mix    = (float) ech_smooth_next (&mixer->headphones_mix);
    float volume = (float) ech_smooth_next (&mixer->headphones);

    if (out == NULL)
      continue;
    for (int side = 0; side < 2; side++) {
      float both = (1.0f - mix) * cue[2 * i + side] + mix * sum[2 * i + side];

      out[2 * i + side] = volume * held_to_full_scale (both);
    }
  }
}

static void
copy_with_gain (struct ech_smooth *gain, const float *in, float *out, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    float g = (float) ech_smooth_next (gain);

    if (out == NULL)
      continue;
    out[2 * i]     = g * in[2 * i];
    out[2 * i + 1] = g * in[2 * i + 1];
  }
}

void
ech_mixer_process (struct ech_mixer *mixer, const struct ech_mix_span *span, uint32_t n, float *scratch)
{
  float *strip = scratch, *sum = scratch + 2 * n, *cue = scratch + 4 * n;

  memset (sum, 0, 2 * n * sizeof *sum);
  memset (cue, 0, 2 * n * sizeof *cue);
  for (uint32_t i = 0; i < mixer->n_decks; i++)
    channel_process (&mixer->channels[i], span->decks[i], n, strip, sum, cue);

  ech_limiter_process (&mixer->limiter, sum, n);
  delay_cue (mixer, cue, n);

  mix_headphones (mixer, cue, sum, span->headphones, n);
  copy_with_gain (&mixer->booth, sum, span->booth, n);
  if (span->record != NULL)
    memcpy (span->record, sum, 2 * n * sizeof *sum);
  copy_with_gain (&mixer->master, sum, strip, n);
  ech_meter_add (&mixer->master_meter, strip, n);
  if (span->master != NULL)
    memcpy (span->master, strip, 2 * n * sizeof *strip);
}
