// submission: the MSA (RFC 6409). Takes mail from authenticated people only, checks that they write as themselves,
// completes the header, and commits local delivery and queue entry at once.
//
// fixup: the pure part: what an MSA changes in a message.
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
};

// Adds Date, Message-ID and From where they are missing (RFC 6409 §8), removes Bcc and Return-Path (RFC 5321 §4.4,
// RFC 5322 §3.6.3) and marks of other stations that a sender must not bring. `from` is used when there is no From;
// `id_domain` makes the Message-ID.
// kInvalid: several From fields, a From that names nobody, or a header too large to see all of it: what is checked must
// be what is shown.
Result<Fixed> fix_up(std::string content, std::string_view from, std::string_view id_domain, Time now, Random& random);

}  // namespace pabal::submission
