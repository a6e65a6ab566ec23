// One message under question. What an answer needs is read at the first question that wants it, unless it was given.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mailbox/mailbox.h"
#include "message/casemap.h"

namespace pabal::mailbox {

// All that it is made with must outlive it. A question about a message that is gone is answered with no, as is one that
// could not be answered: failure() says why.
class Probe {
 public:
  Probe(const Mailboxes& boxes, const store::Reader& r, AccountId account, MessageId id)
      : boxes_(&boxes), r_(&r), account_(account), id_(id) {}

  void give(Message message) { message_ = std::move(message); }
  void give(message::Summary summary) { summary_ = std::move(summary); }

  MessageId id() const { return id_; }
  const Message* message();
  const message::Summary* summary();
  const Details* details();
  const std::string* body();  // the stored octets, without the prefix

  // Is it a part of ... (RFC 9051 §6.4.4)? Encoded text is decoded before.
  bool in_subject(const message::Needle& needle);
  // of FROM, TO, CC, BCC: names and addresses
  bool in_addresses(std::string_view field, const message::Needle& needle);
  bool in_header(std::string_view field, const message::Needle& needle);  // empty: there is such a field
  bool in_whole_header(const message::Needle& needle);
  bool in_text(const message::Needle& needle);  // of the text parts, the names of files, embedded messages

  const std::optional<Error>& failure() const { return failure_; }

 private:
  const std::string* head();
  bool in_part(const message::Part& part, const message::Needle& needle);

  const Mailboxes* boxes_;
  const store::Reader* r_;
  AccountId account_;
  MessageId id_;
  std::optional<Message> message_;
  std::optional<message::Summary> summary_;
  std::optional<Details> details_;
  std::optional<std::string> body_, head_;
  std::optional<Error> failure_;
};

}  // namespace pabal::mailbox
