/* Loads tracks: has a worker process decode and analyse a file into shared
 * memory, and tells how far it is.
 *
 * Files are not trusted.  A worker that crashes, hangs or lies costs the load
 * it was for and nothing else.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MEDIA_LOADER_H
#define ECH_MEDIA_LOADER_H

#include <glib.h>

#include "engine/media/track.h"

G_BEGIN_DECLS

typedef struct _EchLoader EchLoader;

/* A request's handle, never 0 and never used twice. */
typedef guint64 EchLoadId;

#define ECH_LOADER_ERROR (ech_loader_error_quark ())
GQuark ech_loader_error_quark (void);

enum ech_loader_error {
  ECH_LOADER_ERROR_NOT_FOUND,
  ECH_LOADER_ERROR_NOT_A_FILE, /* a folder, a pipe, a device */
  ECH_LOADER_ERROR_PERMISSION,
  ECH_LOADER_ERROR_EMPTY,
  ECH_LOADER_ERROR_FORMAT,   /* no audio that we can read, or broken */
  ECH_LOADER_ERROR_TOO_LONG, /* more than fits */
  ECH_LOADER_ERROR_READ,     /* the file's medium failed */
  ECH_LOADER_ERROR_WORKER,   /* the decoder died, hung, lied or could not start */
  ECH_LOADER_ERROR_CANCELLED,
};

enum ech_load_flags {
  ECH_LOAD_NORMAL      = 0,
  ECH_LOAD_NO_ANALYSIS = 1 << 0, /* waveform yes, tempo, key and loudness no */
  ECH_LOAD_BACKGROUND  = 1 << 1, /* waits its turn, at low priority: for the library */
};

/* In this order, each at most once.  The last one a request brings is FAILED
 * or ANALYSED (with ECH_LOAD_NO_ANALYSIS: DECODED). */
enum ech_load_stage {
  ECH_LOAD_READY,    /* the first 0.2 s (or all) can be played */
  ECH_LOAD_DECODED,  /* all can be played; the length is final */
  ECH_LOAD_ANALYSED, /* grid and so on are there, as far as they were found */
  ECH_LOAD_FAILED,
};

/**
 * EchLoadFunc:
 * @id: as ech_loader_load() returned it (the call may come before the return)
 * @track: the same at every stage; NULL if FAILED comes before READY.  Borrowed:
 *    take a reference to keep it.
 * @error: NULL; FAILED: a sentence for people, with the file's name.  After
 *    READY @track stays playable as far as it was decoded and its length is
 *    now that much.
 *    DECODED: NULL, or a warning that the file is damaged and ends early.
 *    ANALYSED: why analysis broke off, or NULL.
 *
 * Thread: the loader's own.  Be short: it serves all loads.  May call
 * ech_loader_load() and ech_loader_cancel(), not ech_loader_free() or
 * ech_loader_load_sync().
 */
typedef void (*EchLoadFunc) (EchLoadId           id,
                             enum ech_load_stage stage,
                             EchTrack           *track,
                             const GError       *error,
                             gpointer            user_data);

/**
 * ech_loader_new:
 *
 * Starts the loader's thread and one idle worker, so that the first load does
 * not wait for a process to start.  The worker program is the one that the
 * environment's ECHELON_WORKER names, else the installed one.
 *
 * Thread: any but audio.  Returns: never NULL; where no worker can be started,
 * each load fails and says so.
 */
EchLoader *ech_loader_new (void);

/* Ends all loads without a further call, and all workers.  Tracks live on.
 * NULL does nothing.  Thread: any but audio and the loader's own. */
void ech_loader_free (EchLoader *loader);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EchLoader, ech_loader_free)

/* How long a worker may go without getting further before it is killed:
 * 10000 ms unless set; six times that in analysis.  Thread: any but audio. */
void ech_loader_set_patience_ms (EchLoader *loader, unsigned patience_ms);

/**
 * ech_loader_load:
 * @path: in the file system's encoding; relative means the working directory
 * @flags: of enum ech_load_flags
 * @callback: called for each stage
 *
 * Loads run beside each other.  Never blocks; every failure comes by @callback.
 *
 * Thread: any but audio.
 */
EchLoadId ech_loader_load (EchLoader  *loader,
                           const char *path,
                           unsigned    flags,
                           EchLoadFunc callback,
                           gpointer    user_data);

/**
 * ech_loader_cancel:
 *
 * Ends a load; without effect on one that has ended.  When it returns no call
 * for @id is running or will come (called from within a callback: none will
 * come after that one).  Hold no lock that the callback takes.  A track that
 * was handed out stays playable as far as it was decoded.
 *
 * Thread: any but audio.
 */
void ech_loader_cancel (EchLoader *loader, EchLoadId id);

/**
 * ech_loader_load_sync:
 * @wait_for_analysis: else tempo, key and loudness are not looked for
 *
 * For offline work: returns when all is decoded.
 *
 * Thread: any but audio, main while a window is open, and the loader's own.
 * Returns: a reference, or NULL with @error set.
 */
EchTrack *ech_loader_load_sync (EchLoader  *loader,
                                const char *path,
                                gboolean    wait_for_analysis,
                                GError    **error);

G_END_DECLS

#endif
