// Labels and what stands behind them: mailboxes, flags, keywords.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::gmail {

struct Label {
  enum class Kind : uint8_t {
    kMailbox,
    kUnread,    // without \Seen
    kStarred,   // \Flagged
    kCategory,  // `keyword`
    kNobodys    // a system label that this account has no mailbox for (yet), or CHAT
  } kind = Kind::kNobodys;
  std::string id;
  std::string name;
  mailbox::MailboxId mailbox = 0;
  mailbox::Role role = mailbox::Role::kNone;
  std::string_view keyword{};
  bool system() const { return kind != Kind::kMailbox || role != mailbox::Role::kNone; }
  bool is_on(const mailbox::Message& message) const;
};

// The labels of one account at one moment.
class Labels {
 public:
  static Result<Labels> read(const mailbox::Mailboxes& boxes, const store::Reader& r, mailbox::AccountId account);

  const std::vector<Label>& all() const { return labels_; }  // the system's first, then the user's by name
  const Label* find(std::string_view id) const;
  const Label* of(mailbox::MailboxId mailbox) const;  // null: the Archive mailbox, which is no label
  std::vector<std::string> on(const mailbox::Message& message) const;
  // 0: there is none.
  mailbox::MailboxId by_role(mailbox::Role role) const;
  // It is in Trash or Junk, and nowhere else: lists do not show it where they are not asked to.
  bool is_hidden(const mailbox::Message& message) const;
  const std::vector<mailbox::Mailbox>& mailboxes() const { return mailboxes_; }

 private:
  std::vector<mailbox::Mailbox> mailboxes_;
  std::vector<Label> labels_;
};

}  // namespace pabal::gmail
