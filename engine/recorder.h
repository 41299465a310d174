/* Recordings: the record output into files, by a thread of its own.
 *
 * A file is made when a recording is asked for, so that what cannot be written is refused at
 * once; it has a sound file's header from its first second on and is brought up to date each
 * second, so that it can be played after a crash.  WAV, or RF64 once it is larger than 4 GB.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_RECORDER_H
#define ECH_RECORDER_H

#include <glib.h>

#include "engine/rt/capture.h"
#include "engine/scheduler/scheduler.h"

typedef struct _EchRecorder EchRecorder;

/**
 * struct ech_recorder_config
 * @folder: (nullable) made where it is missing; NULL = ech_recorder_default_folder()
 * @pcm24: 24-bit integers instead of 32-bit float
 * @wait: make each file within prepare() (offline) instead of on the recorder's thread
 * @failed: (nullable) a recording cannot go on; called once for each, on the recorder's thread
 */
struct ech_recorder_config {
  const char *folder;
  bool        pcm24;
  bool        wait;
  void (*failed) (const char *text, void *data);
  void *failed_data;
};

EchRecorder *ech_recorder_new (const struct ech_recorder_config *config);

/* Ends what is being recorded with what has come.  The audio thread and the scheduler have stopped. */
void ech_recorder_free (EchRecorder *recorder);

/* For ech_cycle_set_capture(); the recorder's. */
struct ech_capture *ech_recorder_capture (EchRecorder *recorder);

/* The scheduler asks for files and is answered.  Before its first tick. */
void ech_recorder_attach (EchRecorder *recorder, EchScheduler *scheduler);

/* Waits until at least half of the ring is free (offline).  Not the audio thread's. */
void ech_recorder_wait (EchRecorder *recorder);

/* Where recordings go from the next one on.  Thread: any. */
void ech_recorder_set_folder (EchRecorder *recorder, const char *folder, bool pcm24);

/* "Echelon" in the user's music folder.  Returns: to be freed. */
char *ech_recorder_default_folder (void);

#endif
