// The changes of Email/set (RFC 8621 §4.6), and of what makes emails besides.
#pragma once

#include "jmap/new_email.h"
#include "jmap/standard.h"

namespace pabal::jmap {

// Whether an email with these flags in these mailboxes is a draft: what a token for drafts covers.
Or<bool> is_draft(const Call& call, const store::Reader& r, const mailbox::Flags& flags,
                  const std::set<mailbox::MailboxId>& boxes);

class EmailSetter final : public Setter {
 public:
  // `made`: by their creation ids, of those that can be made.
  EmailSetter(Call& call, std::map<std::string, NewEmail> made) : call_(call), made_(std::move(made)) {}

  Result<std::string> state(const store::Reader& r) override;
  Or<json::object> create(store::Transaction& t, const std::string& creation, const json::object& object) override;
  Or<json::object> update(store::Transaction& t, const std::string& id, const json::object& patch) override;
  std::optional<Failure> destroy(store::Transaction& t, const std::string& id) override;

 private:
  // Nothing: the token covers `need`, or drafts, and it is one.
  std::optional<Failure> uncovered(std::string_view need, const store::Reader& r, const mailbox::Flags& flags,
                                   const std::set<mailbox::MailboxId>& boxes) const;
  Or<mailbox::Message> find(const store::Reader& r, const std::string& id) const;
  // Those of mailboxIds, each of which is there for the caller.
  Or<std::set<mailbox::MailboxId>> boxes(const store::Reader& r, const std::set<std::string>& ids) const;
  std::optional<Failure> set_flags(store::Transaction& t, const mailbox::Message& m, mailbox::Flags wanted) const;
  std::optional<Failure> move(store::Transaction& t, const mailbox::Message& m,
                              const std::set<mailbox::MailboxId>& wanted) const;

  Call& call_;
  const std::map<std::string, NewEmail> made_;
};

// Reads each object of `create` with `read`, on the pool, and then runs the /set of them.
using ReadEmail = std::function<Or<NewEmail>(Call&, const json::object&)>;
Task<Answer> run_email_set(Call& call, ReadEmail read);

}  // namespace pabal::jmap
