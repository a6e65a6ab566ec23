// What has happened to an account's emails since a state, from its change feed: for Email/changes, Thread/changes and
// Email/queryChanges (RFC 8621).
#pragma once

#include "jmap/standard.h"
#include "mailbox/mailbox.h"
#include "mailbox/overview.h"

namespace pabal::jmap {

// A modification sequence; behind a dot an email: of the changes of the next number, those of emails up to that one
// are told (a maxChanges smaller than what one command changed).
struct State {
  mailbox::ModSeq modseq = 0;
  mailbox::MessageId email = 0;
  std::string text() const;
};
std::optional<State> read_state(std::string_view text);

struct EmailNews {
  // As it was then: the mailboxes that the caller sees, without \Deleted places; $seen and $flagged; other keywords as
  // now. Of one that is purged only `boxes`, `id` and `thread` are known; a thread of 0 is not.
  mailbox::Overview::Line then;
  bool visible_now = false;
  bool flags_changed = false;
  bool boxes_changed = false;
  bool is_purged = false;
  bool was_visible() const { return !then.boxes.empty(); }
};

struct News {
  std::map<mailbox::MessageId, EmailNews> emails;
  std::vector<std::pair<mailbox::ModSeq, mailbox::MessageId>> order;  // as they happened, each once for a number
  mailbox::ModSeq now = 0;
};
// cannotCalculateChanges.
Or<News> email_news(Call& call, const State& since);

}  // namespace pabal::jmap
