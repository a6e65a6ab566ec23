// The pure part of submission: what an MSA changes in a message, and whom the message is for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"

namespace pabal::submission {

struct Fixed {
  std::string content;               // the message to send, without Received
  std::vector<std::string> authors;  // addresses of From, and of Sender when there is one
  std::string bcc;                   // the Bcc fields that were removed, each with its line end
};

// Adds Date, Message-ID and From where they are missing (RFC 6409 §8), removes Bcc and Return-Path (RFC 5321 §4.4,
// RFC 5322 §3.6.3) and marks of other stations that a sender must not bring. `from` is used when there is no From;
// `id_domain` makes the Message-ID.
// kInvalid: several From fields, a From that names nobody, or a header too large to see all of it: what is checked must
// be what is shown.
Result<Fixed> fix_up(std::string content, std::string_view from, std::string_view id_domain, Time now, Random& random);

// Whom the header names: To, Cc and Bcc, or the same of the newest Resent- block (RFC 5322 §3.6.6), each once, without
// those that have no domain.
std::vector<std::string> header_recipients(std::string_view content);

}  // namespace pabal::submission
