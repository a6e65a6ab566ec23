// submission: the MSA (RFC 6409). Takes mail from authenticated people only, checks that they write as themselves,
// completes the header, and commits local delivery and queue entry at once.
//
// submit: the one road of a message that somebody here sends, by SMTP or by an API.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "identity/login.h"
#include "mailbox/local_delivery.h"
#include "mailbox/outgoing.h"
#include "message/received.h"
#include "queue/queue.h"
#include "smtp/server.h"
#include "watch/trace.h"

namespace pabal::submission {

struct Services {
  store::Store& store;
  identity::Login& login;
  mailbox::Mailboxes& mailboxes;
  mailbox::LocalDelivery& local;
  queue::Queue& queue;
  const watch::Trace& trace;
  net::Pool& pool;
  IdSource& ids;
  Random& random;
  const Clock& clock;
  std::string hostname;
  uint64_t max_size = 50ull << 20;  // octets of a message
};

constexpr days kQueueLifetime{5};        // RFC 5321 §4.5.4.1
constexpr size_t kParseHere = 32 << 10;  // octets: smaller messages are parsed on the loop, larger ones on the pool

struct Rcpt {
  smtp::RcptParams params;
  bool local = false;  // found by check_recipient()
};

// A message as it is handed in.
struct Parcel {
  identity::Account account;  // who sends it
  smtp::MailParams mail;      // checked
  std::vector<Rcpt> recipients;
  std::string content;
  message::ReceivedInfo received;  // how it came
  std::string peer, tls;           // the same, for the trace
  bool utf8_by_need = false;       // nobody says SMTPUTF8: it is asked for where the header needs it
  std::optional<Time> release;
  std::function<Result<void>(store::Transaction&, const mailbox::Outgoing::Ready&)> also;
};

// Why not: for SMTP, and for all others. The words are the reply's.
struct Refusal {
  Code code = Code::kInvalid;
  smtp::Reply reply;
  Error error() const { return {code, reply.text}; }
};

class Submitter final : public mailbox::Outgoing {
 public:
  explicit Submitter(Services& services) : services_(services) {}

  // What MAIL and RCPT ask. `size`: octets, 0 when unknown. Nothing: he may, and it is so.
  std::optional<Refusal> check_sender(const Parcel& parcel) const;
  std::optional<Refusal> check_recipient(const Parcel& parcel, Rcpt& rcpt, uint64_t size) const;
  // The rest of the road. The id, or why it is refused, which is in the trace.
  struct Answer {
    std::string id;
    std::optional<Refusal> refusal;
  };
  Task<Answer> submit(net::Loop& loop, Parcel parcel) const;

  Task<Result<std::string>> send(net::Loop& loop, Letter letter) override;
  std::vector<std::string> unreachable(const std::vector<Recipient>& recipients) const override;
  Result<State> state(const store::Reader& r, std::string_view id) const override;
  Result<std::vector<Delivery>> deliveries(const store::Reader& r, std::string_view id) const override;
  Result<void> cancel(store::Transaction& t, std::string_view id) override;

 private:
  struct Job;
  using Made = std::shared_ptr<const mailbox::Prepared>;
  Result<Parcel> parcel_of(Letter letter) const;
  Task<Result<Made>> prepare(net::Loop& loop, std::string whole) const;
  Result<void> commit(store::Transaction& t, Job& job) const;
  Result<void> enqueue(store::Transaction& t, const Job& job, queue::Entry entry, Time now) const;
  std::optional<Refusal> check_authors(const Parcel& parcel, const std::vector<std::string>& authors) const;
  watch::Event event(const Parcel& parcel) const;
  Refusal refused(const Parcel& parcel, const std::string& recipient, Code code, smtp::Reply reply) const;

  Services& services_;
};

}  // namespace pabal::submission
