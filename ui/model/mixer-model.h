/* The mixer as the window sees it; each channel's own controls are its deck's.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MIXER_MODEL_H
#define ECH_MIXER_MODEL_H

#include <glib-object.h>

G_BEGIN_DECLS

#define ECH_TYPE_MIXER_MODEL (ech_mixer_model_get_type ())
G_DECLARE_FINAL_TYPE (EchMixerModel, ech_mixer_model, ECH, MIXER_MODEL, GObject)

/**
 * EchMixerModel:
 *
 * Properties:
 *  - `crossfader` (double, 0 = deck A's side .. 1; read and write)
 *  - `master-volume`, `booth-volume`, `headphones-volume` (double, 0..1; read and write)
 *  - `headphones-mix` (double, 0 = the cued channels .. 1 = the master; read and write)
 *  - `limiting` (boolean; the limiter turns the master down now)
 *  - `message` (string): the newest refusal of something that is no deck's, NULL
 *    after ECH_MESSAGE_SECONDS
 */

double ech_mixer_model_get_crossfader (EchMixerModel *self);
void   ech_mixer_model_set_crossfader (EchMixerModel *self, double position);

/* Linear, of the last few milliseconds; left and right. */
void ech_mixer_model_get_peak (EchMixerModel *self, float out_peak[2]);

G_END_DECLS

#endif
