/* A track's samples as the audio thread sees them.
 *
 * Interleaved stereo 32-bit float at the file's own rate, in memory that a
 * decoder process fills while the deck may already play.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RT_PCM_H
#define ECH_RT_PCM_H

#include <stdatomic.h>

#include "engine/types.h"

/**
 * struct ech_pcm
 * @frames: interleaved L R; readable below decoded_frames only
 * @length_frames: the track's length; where the file does not tell its length,
 *    an upper bound until decoding has ended.  Never more than is mapped.
 * @decoded_frames: how many frames may be read; only grows, never over
 *    length_frames.  Written by the loader's thread (release) after it has
 *    checked the decoder's word and brought the pages in, so that the audio
 *    thread (acquire) meets neither a wild count nor a page fault.
 * @rate: track frames a second
 * @release: gives one reference back; called by the scheduler thread, never
 *    by the audio thread.  A reference travels to the audio thread inside a
 *    command and comes back by the retire ring.
 */
struct ech_pcm {
  const float     *frames;
  _Atomic uint64_t length_frames;
  _Atomic uint64_t decoded_frames;
  double           rate;
  void           (*release) (struct ech_pcm *pcm);
};

#endif
