// COPY and MOVE where another's mailbox has part in it: the message is filed anew, under its body, which stays one.
#include "access/imap/session.h"

namespace pabal::access::imap {
namespace {

using mailbox::AccountId;
using mailbox::MailboxId;
using mailbox::Uid;

// A message ready to be filed again.
struct Ready {
  Uid uid = 0;
  mailbox::MessageId message = 0;
  mailbox::BodyId body = 0;
  std::string prefix;
  Time received;
  std::shared_ptr<const mailbox::Prepared> prepared;
};
struct Batch {
  std::vector<Ready> ready;
  size_t next = 0;  // of the targets
};

// From `targets[first]` on, as many as fit in memory together. What the other account needs to search, thread and show
// a message is made from its body, for that is all that they share.
Result<Batch> make_ready(const mailbox::Mailboxes& boxes, const store::Reader& r, AccountId account, MailboxId from,
                         const std::vector<Target>& targets, size_t first) {
  Batch out;
  size_t octets = 0;
  for (out.next = first; out.next < targets.size() && octets < kRefiledAtOnce; ++out.next) {
    const Uid uid = targets[out.next].uid;
    const auto row = boxes.row(r, account, from, uid);
    if (!row) return row.error();
    if (!*row) continue;
    const auto message = boxes.message(r, account, (*row)->message);
    if (!message) return message.error();
    const auto details = boxes.details(r, account, (*row)->message);
    if (!details) return details.error();
    if (!*message || !*details) continue;  // removed since its row was read
    auto body = boxes.body(r, (*message)->body);
    if (!body && body.code() == Code::kNotFound) continue;
    if (!body) return body.error();
    octets += body->size();
    out.ready.push_back({uid, (*message)->id, (*message)->body, (*details)->prefix, (*message)->received,
                         mailbox::prepare(std::move(*body))});
  }
  return out;
}

}  // namespace

Task<Result<void>> Session::refile(std::vector<Target> part, Located to, bool moving, std::shared_ptr<Copied> copied) {
  const AccountId account = selected_->account;
  const MailboxId from = selected_->box.id;
  for (size_t at = 0; at < part.size();) {
    std::function<Result<std::shared_ptr<Batch>>()> prepare = [&boxes = services_.mailboxes, &store = services_.store,
                                                               account, from, &part,
                                                               at]() -> Result<std::shared_ptr<Batch>> {
      auto batch = make_ready(boxes, store, account, from, part, at);
      if (!batch) return batch.error();
      return std::make_shared<Batch>(std::move(*batch));
    };
    Task<Result<std::shared_ptr<Batch>>> preparing =
        net::run_on<std::shared_ptr<Batch>>(services_.pool, loop_, prepare);
    const auto batch = co_await preparing;
    if (!batch) co_return batch.error();
    at = (*batch)->next;
    const auto done = std::make_shared<Copied>();
    Task<Result<void>> committing = commit([&boxes = services_.mailboxes, account, from, to, moving, batch = *batch,
                                            done](store::Transaction& t) -> Result<void> {
      *done = {};
      for (const Ready& one : batch->ready) {
        const auto row = boxes.row(t, account, from, one.uid);
        if (!row) return row.error();
        if (!*row) continue;  // removed meanwhile; else its body is there
        mailbox::Filing filing;
        filing.prefix = one.prefix;
        filing.mailboxes = {to.box.id};
        filing.flags = mailbox::allowed_flags((*row)->flags, to.rights);  // RFC 4314 §4
        filing.received = one.received;
        const auto filed = boxes.file(t, to.account, *one.prepared, one.body, filing);
        if (!filed) return filed.error();
        if (moving)
          if (const auto left = boxes.remove_place(t, account, one.message, from); !left) return left;
        done->add(one.uid, filed->places.front().uid);
      }
      return {};
    });
    if (const Result<void> committed = co_await committing; !committed) co_return committed;
    copied->add(*done);
  }
  co_return Result<void>();
}

}  // namespace pabal::access::imap
