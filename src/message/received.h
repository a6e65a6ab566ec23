// Received fields (RFC 5321 §4.4), as MSA and MTA add them.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"

namespace pabal::message {

struct ReceivedInfo {
  std::string helo;  // what the client called itself; not of "HTTP"
  std::string ip;    // empty: not shown (submission keeps where people are to itself)
  std::string by;    // our host name
  std::string with;  // RFC 3848: ESMTPS ...; or "HTTP"
  std::string tls;   // "TLSv1.3 TLS_AES_256_GCM_SHA384", or empty
  std::string id;
  std::string recipient;  // shown when there is just one
  Time at;
};
std::string received_line(const ReceivedInfo& info);  // folded, with its CRLF

// Received fields of a header block; a message with too many goes round in circles (RFC 5321 §6.3).
size_t count_received(std::string_view header_block);
constexpr size_t kMaxReceived = 50;

}  // namespace pabal::message
