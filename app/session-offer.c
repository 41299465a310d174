/* See session-offer.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "app/session-offer.h"

#include "app/main-window-private.h"
#include "engine/session-keeper.h"
#include "engine/session-restore.h"

struct _EchSessionOffer {
  /* owned */
  EchSessionKeeper  *keeper;
  EchSessionRestore *restore; /* while decks are brought back */

  /* borrowed */
  EchEngine     *engine;
  EchMainWindow *window; /* weak */
  GtkWidget     *dialog; /* weak; while it asks */

  gboolean presented;
};

EchSessionOffer *
ech_session_offer_new (EchEngine *engine)
{
  EchSessionOffer *self = g_new0 (EchSessionOffer, 1);

  self->engine = engine;
  self->keeper = ech_session_keeper_new (engine, NULL);
  return self;
}

void
ech_session_offer_free (EchSessionOffer *self)
{
  if (!self)
    return;
  if (self->dialog)
    g_signal_handlers_disconnect_by_data (self->dialog, self);
  g_clear_weak_pointer (&self->dialog);
  g_clear_weak_pointer (&self->window);
  g_clear_pointer (&self->restore, ech_session_restore_free);
  ech_session_keeper_free (self->keeper);
  g_free (self);
}

/* --- what has come of it --- */

static char *
join_lines (GPtrArray *lines)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < lines->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "\n" : "", (const char *) lines->pdata[i]);
  return g_string_free (text, FALSE);
}

static void
show_problems (EchSessionOffer *self, GPtrArray *problems)
{
  g_autofree char *text   = join_lines (problems);
  GtkWidget       *dialog = adw_message_dialog_new (GTK_WINDOW (self->window),
                                                    _ ("Not everything could be brought back"), text);

  adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "close", _ ("Close"));
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
on_restored (GPtrArray *problems, gboolean gave_up, void *data)
{
  EchSessionOffer *self = data;

  if (self->window && problems->len > 0)
    show_problems (self, problems);
  else if (self->window)
    ech_main_window_toast (self->window, _ ("The decks are back, paused"));
  g_clear_pointer (&self->restore, ech_session_restore_free);
  if (gave_up)
    ech_session_keeper_hold (self->keeper, FALSE);
  else
    ech_session_keeper_settle (self->keeper);
}

/* --- the question --- */

static void
on_answer (EchSessionOffer *self, const char *response)
{
  const struct ech_session *previous = ech_session_keeper_previous (self->keeper);

  if (strcmp (response, "restore") == 0) {
    ech_session_keeper_hold (self->keeper, TRUE);
    self->restore = ech_session_restore_new (self->engine, previous, on_restored, self);
  } else if (strcmp (response, "empty") == 0) {
    ech_session_keeper_settle (self->keeper);
  }
  /* closed without an answer: asked again at the next start */
}

static void
ask (EchSessionOffer *self, const struct ech_session *previous)
{
  g_autofree char *decks = ech_session_describe (previous);
  g_autofree char *text  = g_strdup_printf (
    _ ("Bring back the decks as they were? Nothing starts by itself.\n\n%s"), decks);
  GtkWidget *dialog = adw_message_dialog_new (GTK_WINDOW (self->window),
                                              _ ("Echelon did not close properly"), text);

  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "empty", _ ("Start Empty"),
                                    "restore", _ ("Restore"), NULL);
  adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (dialog), "restore",
                                              ADW_RESPONSE_SUGGESTED);
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "restore");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "later");
  g_signal_connect_swapped (dialog, "response", G_CALLBACK (on_answer), self);
  g_set_weak_pointer (&self->dialog, dialog);
  gtk_window_present (GTK_WINDOW (dialog));
}

void
ech_session_offer_present (EchSessionOffer *self, EchMainWindow *window)
{
  const struct ech_session *previous = ech_session_keeper_previous (self->keeper);

  if (self->presented)
    return;
  self->presented = TRUE;
  g_set_weak_pointer (&self->window, window);
  if (ech_session_keeper_notice (self->keeper))
    ech_main_window_toast (window, ech_session_keeper_notice (self->keeper));
  if (previous)
    ask (self, previous);
}
