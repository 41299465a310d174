/* Musical key by qm-dsp.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_ANALYSIS_KEY_H
#define ECH_ANALYSIS_KEY_H

#include "engine/analysis/music.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Returns: the key heard longest, as in struct ech_analysis; -1 (ECH_KEY_UNKNOWN)
 * for noise, drums alone and silence, as far as that can be told. */
int ech_key_find (const float     *stereo,
                  uint64_t         n_frames,
                  double           rate,
                  EchMusicProgress progress,
                  void            *data);

#ifdef __cplusplus
}
#endif

#endif
