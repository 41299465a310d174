/* Reads any file as stereo float.  Runs in the worker process alone.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MEDIA_DECODER_H
#define ECH_MEDIA_DECODER_H

#include <sndfile.h>

#include "engine/media/protocol.h"

enum { ECH_DECODER_CHUNK = 4096 };

/**
 * struct ech_decoder:
 * @length_known: else @length_frames is an upper bound, or 0 for none
 * @title, @artist: the tags' bytes, cut to ECH_TAG_MAX; "" where the file has none
 * @wide: ECH_DECODER_CHUNK frames of all channels, unless there are 2
 */
struct ech_decoder {
  int      fd;
  SNDFILE *file;
  uint32_t rate;
  uint32_t channels;
  bool     length_known;
  uint64_t length_frames;
  char     title[ECH_TAG_MAX];
  char     artist[ECH_TAG_MAX];
  float   *wide;
};

/**
 * ech_decoder_open_file:
 *
 * Opens @path for reading without ever waiting for a pipe's other end.
 *
 * Returns: a descriptor, or -1 with *out_failure set.
 */
int ech_decoder_open_file (const char *path, enum ech_failure *out_failure);

/* @fd: taken over, also on failure: ech_decoder_finish() closes it.
 * Returns: what is wrong with the file, or ECH_FAILURE_NONE. */
enum ech_failure ech_decoder_init (struct ech_decoder *decoder, int fd);
void             ech_decoder_finish (struct ech_decoder *decoder);

/**
 * ech_decoder_read:
 * @n_frames: at most ECH_DECODER_CHUNK
 *
 * One channel goes to both sides; of more than two the first two are taken.
 * Samples that are no number, or absurdly large, become 0.
 *
 * Returns: how many frames were read; 0 at the end, or where decoding fails.
 */
uint32_t ech_decoder_read (struct ech_decoder *decoder, float *out_stereo, uint32_t n_frames);

#endif
