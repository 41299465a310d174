/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/media/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* +60 dB over full scale: no music, and enough to upset filters. */
#define ABSURD_SAMPLE 1000.0f

static enum ech_failure
failure_of_errno (int error)
{
  switch (error) {
  case ENOENT:
  case ENOTDIR:
  case ENAMETOOLONG:
    return ECH_FAILURE_NOT_FOUND;
  case EACCES:
  case EPERM:
    return ECH_FAILURE_PERMISSION;
  case ENXIO: /* a socket, a device that is gone */
    return ECH_FAILURE_NOT_REGULAR;
  default:
    return ECH_FAILURE_READ;
  }
}

static enum ech_failure
check_kind (int fd)
{
  struct stat info;

  if (fstat (fd, &info) < 0)
    return failure_of_errno (errno);
  if (S_ISDIR (info.st_mode))
    return ECH_FAILURE_FOLDER;
  if (!S_ISREG (info.st_mode))
    return ECH_FAILURE_NOT_REGULAR;
  return info.st_size == 0 ? ECH_FAILURE_EMPTY : ECH_FAILURE_NONE;
}

int
ech_decoder_open_file (const char *path, enum ech_failure *out_failure)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  if (fd < 0) {
    *out_failure = failure_of_errno (errno);
    return -1;
  }
  *out_failure = check_kind (fd);
  if (*out_failure == ECH_FAILURE_NONE)
    return fd;
  close (fd);
  return -1;
}

static void
copy_tag (SNDFILE *file, int sf_string, char *out_tag)
{
  const char *tag = sf_get_string (file, sf_string);

  if (tag)
    memcpy (out_tag, tag, strnlen (tag, ECH_TAG_MAX - 1));
}

static sf_count_t
file_bytes (void *data)
{
  struct stat info;

  return fstat (*(const int *) data, &info) == 0 ? info.st_size : 0;
}

static sf_count_t
seek_but_not_from_end (sf_count_t offset, int whence, void *data)
{
  return whence == SEEK_END ? -1 : lseek (*(const int *) data, offset, whence);
}

static sf_count_t
read_bytes (void *bytes, sf_count_t n, void *data)
{
  return read (*(const int *) data, bytes, (size_t) n);
}

static sf_count_t
tell_position (void *data)
{
  return lseek (*(const int *) data, 0, SEEK_CUR);
}

/* An MP3 without a length in a header: libsndfile estimates from the first frame's
 * bitrate and cuts off what is longer, half of a VBR song.  Where the end cannot be
 * sought it does not estimate, but reads to the end. */
static SNDFILE *
open_without_estimate (struct ech_decoder *decoder, SF_INFO *out_info)
{
  SF_VIRTUAL_IO io = { file_bytes, seek_but_not_from_end, read_bytes, NULL, tell_position };

  lseek (decoder->fd, 0, SEEK_SET);
  memset (out_info, 0, sizeof *out_info);
  return sf_open_virtual (&io, SFM_READ, out_info, &decoder->fd);
}

static bool
length_is_known (const SF_INFO *info)
{
  return info->frames < SF_COUNT_MAX / 2;
}

/* At the lowest bitrate that the format has. */
static uint64_t
longest_mp3_frames (struct ech_decoder *decoder)
{
  uint64_t bits_a_second = decoder->rate >= 32000 ? 32000 : 8000;

  return ((uint64_t) file_bytes (&decoder->fd) * 8 / bits_a_second + 1) * decoder->rate;
}

static bool
open_file (struct ech_decoder *decoder, SF_INFO *out_info)
{
  lseek (decoder->fd, 0, SEEK_SET);
  memset (out_info, 0, sizeof *out_info);
  decoder->file = sf_open_fd (decoder->fd, SFM_READ, out_info, SF_FALSE);
  return decoder->file;
}

static bool
open_mp3 (struct ech_decoder *decoder, SF_INFO *out_info)
{
  sf_close (decoder->file);
  decoder->file = open_without_estimate (decoder, out_info);
  if (decoder->file && !length_is_known (out_info))
    return true;
  if (decoder->file)
    sf_close (decoder->file);
  return open_file (decoder, out_info);
}

static enum ech_failure
check_figures (struct ech_decoder *decoder, const SF_INFO *info)
{
  if (info->samplerate < ECH_MIN_TRACK_RATE || info->samplerate > ECH_MAX_TRACK_RATE)
    return ECH_FAILURE_RATE;
  if (info->channels < 1 || info->channels > 1024)
    return ECH_FAILURE_FORMAT;
  decoder->rate     = (uint32_t) info->samplerate;
  decoder->channels = (uint32_t) info->channels;
  if (info->frames > 0 && length_is_known (info)) {
    decoder->length_frames = (uint64_t) info->frames;
    decoder->length_known  = true;
  } else if ((info->format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG) {
    decoder->length_frames = longest_mp3_frames (decoder);
  }
  if (decoder->channels == 2)
    return ECH_FAILURE_NONE;
  decoder->wide = calloc ((size_t) ECH_DECODER_CHUNK * decoder->channels, sizeof (float));
  return decoder->wide ? ECH_FAILURE_NONE : ECH_FAILURE_MEMORY;
}

enum ech_failure
ech_decoder_init (struct ech_decoder *decoder, int fd)
{
  SF_INFO info;

  memset (decoder, 0, sizeof *decoder);
  decoder->fd = fd;
  if (!open_file (decoder, &info))
    return ECH_FAILURE_FORMAT;
  copy_tag (decoder->file, SF_STR_TITLE, decoder->title);
  copy_tag (decoder->file, SF_STR_ARTIST, decoder->artist);
  if ((info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG && !open_mp3 (decoder, &info))
    return ECH_FAILURE_FORMAT;
  return check_figures (decoder, &info);
}

void
ech_decoder_finish (struct ech_decoder *decoder)
{
  if (decoder->file)
    sf_close (decoder->file);
  close (decoder->fd);
  free (decoder->wide);
  memset (decoder, 0, sizeof *decoder);
  decoder->fd = -1;
}

static void
clean (float *samples, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!(fabsf (samples[i]) <= ABSURD_SAMPLE)) /* also true of NaN */
      samples[i] = 0.0f;
}

static uint32_t
read_wide (struct ech_decoder *decoder, float *out_stereo, uint32_t n_frames)
{
  uint32_t   n_channels = decoder->channels;
  uint32_t   right      = n_channels > 1 ? 1 : 0;
  sf_count_t n          = sf_readf_float (decoder->file, decoder->wide, n_frames);

  for (sf_count_t i = 0; i < n; i++) {
    out_stereo[2 * i]     = decoder->wide[i * n_channels];
    out_stereo[2 * i + 1] = decoder->wide[i * n_channels + right];
  }
  return n > 0 ? (uint32_t) n : 0;
}

uint32_t
ech_decoder_read (struct ech_decoder *decoder, float *out_stereo, uint32_t n_frames)
{
  uint32_t n;

  if (n_frames > ECH_DECODER_CHUNK)
    n_frames = ECH_DECODER_CHUNK;
  if (decoder->channels != 2) {
    n = read_wide (decoder, out_stereo, n_frames);
  } else {
    sf_count_t got = sf_readf_float (decoder->file, out_stereo, n_frames);

    n = got > 0 ? (uint32_t) got : 0;
  }
  clean (out_stereo, 2 * (size_t) n);
  return n;
}
