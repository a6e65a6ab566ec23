#include "dns/wire.h"

#include <arpa/inet.h>

#include "base/text.h"

namespace pabal::dns {
namespace {

const Error kMalformed{Code::kInvalid, "a DNS record is malformed"};

uint16_t number_at(std::string_view raw, size_t at) {
  return static_cast<uint16_t>(static_cast<unsigned char>(raw[at]) << 8 | static_cast<unsigned char>(raw[at + 1]));
}

std::string ip_text(std::string_view raw) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(raw.size() == 4 ? AF_INET : AF_INET6, raw.data(), text, sizeof text);
  return text;
}

}  // namespace

Result<std::string> name_from_wire(std::string_view wire) {
  std::string out;
  for (size_t at = 0; at < wire.size();) {
    const size_t length = static_cast<unsigned char>(wire[at++]);
    if (length == 0) return text::lowered(out);
    if (length > 63 || at + length > wire.size() || at + length > 254) return kMalformed;  // RFC 1035 §2.3.4
    const std::string_view label = wire.substr(at, length);
    for (const char c : label)
      if (c == '.' || static_cast<unsigned char>(c) <= ' ' || c == 0x7F) return kMalformed;
    if (!out.empty()) out += '.';
    out += label;
    at += length;
  }
  return kMalformed;
}

Result<Record> record_from_wire(Type type, std::string_view raw) {
  Record record;
  record.type = type;
  switch (type) {
    case Type::kA:
    case Type::kAaaa:
      if (raw.size() != (type == Type::kA ? 4u : 16u)) return kMalformed;
      record.data = ip_text(raw);
      break;
    case Type::kMx:
      if (raw.size() < 3) return kMalformed;
      record.preference = number_at(raw, 0);
      raw.remove_prefix(2);
      [[fallthrough]];
    case Type::kNs:
    case Type::kCname:
    case Type::kPtr: {
      auto name = name_from_wire(raw);
      if (!name) return name.error();
      record.data = std::move(*name);
      break;
    }
    case Type::kSrv: {  // RFC 2782
      if (raw.size() < 7) return kMalformed;
      record.preference = number_at(raw, 0);
      record.weight = number_at(raw, 2);
      record.port = number_at(raw, 4);
      auto target = name_from_wire(raw.substr(6));
      if (!target) return target.error();
      record.data = std::move(*target);
      break;
    }
    case Type::kTxt:
      while (!raw.empty()) {
        const size_t length = static_cast<unsigned char>(raw[0]);
        if (length + 1 > raw.size()) return kMalformed;
        record.data += raw.substr(1, length);
        raw.remove_prefix(length + 1);
      }
      break;
    case Type::kTlsa:
    case Type::kCaa:
      record.data = raw;
      break;
  }
  return record;
}

}  // namespace pabal::dns
