#include "submission/fixup.h"

#include <algorithm>

#include "base/text.h"
#include "message/build.h"
#include "message/limits.h"
#include "message/message.h"

namespace pabal::submission {
namespace {

// Not the sender's to say, or not for others to see.
constexpr std::string_view kRemoved[] = {"Bcc", "Resent-Bcc", "Return-Path", "Delivered-To"};

bool removed(std::string_view name) {
  return std::any_of(std::begin(kRemoved), std::end(kRemoved),
                     [&](std::string_view r) { return text::iequals(name, r); });
}

}  // namespace

Result<Fixed> fix_up(std::string content, std::string_view from, std::string_view id_domain, Time now, Random& random) {
  const size_t head_size = message::header_size(content);
  const std::string_view head = std::string_view(content).substr(0, head_size);
  const auto fields = message::header_fields(head);
  // A field beyond what is looked at could be a second From, or a Bcc.
  if (head.size() > message::kMaxHeaderBytes || fields.size() >= message::kMaxHeaderFields)
    return Error{Code::kInvalid, "the header is too large"};

  Fixed fixed;
  size_t from_fields = 0, dates = 0, ids = 0, unwanted = 0;
  for (const message::HeaderField& field : fields) {
    const bool is_from = text::iequals(field.name, "From");
    if (is_from || text::iequals(field.name, "Sender"))
      for (const auto& item : message::parse_address_list(field.raw_value))
        if (item.kind == message::AddressItem::kMailbox) fixed.authors.push_back(item.address());
    from_fields += is_from;
    if (is_from && fixed.authors.empty()) return Error{Code::kInvalid, "the From field names no address"};
    dates += text::iequals(field.name, "Date");
    ids += text::iequals(field.name, "Message-ID");
    unwanted += removed(field.name);
  }
  if (from_fields > 1) return Error{Code::kInvalid, "there is more than one From field (RFC 5322 §3.6)"};

  std::string added;
  if (from_fields == 0) {
    added += "From: <" + std::string(from) + ">\r\n";
    fixed.authors.emplace_back(from);
  }
  if (dates == 0) added += "Date: " + message::format_date(now) + "\r\n";
  if (ids == 0) added += "Message-ID: " + message::new_message_id(random, now, id_domain) + "\r\n";
  if (fields.empty()) added += "\r\n";  // no header at all: the text is the body

  if (unwanted == 0 && added.empty()) {
    fixed.content = std::move(content);
    return fixed;
  }
  fixed.content.reserve(added.size() + content.size());
  fixed.content = std::move(added);
  size_t kept_to = 0;
  for (const message::HeaderField& field : fields) {
    if (!removed(field.name)) continue;
    if (text::iequals(field.name, "Bcc")) {
      fixed.bcc += head.substr(field.offset, field.size);
      if (!fixed.bcc.ends_with('\n')) fixed.bcc += "\r\n";
    }
    fixed.content += head.substr(kept_to, field.offset - kept_to);
    kept_to = field.offset + field.size;
  }
  fixed.content.append(content, kept_to);
  return fixed;
}

std::vector<std::string> header_recipients(std::string_view content) {
  const auto fields = message::header_fields(content.substr(0, message::header_size(content)));
  std::vector<std::string> plain, resent, in_block;
  bool block_ended = false;
  const auto take = [](std::vector<std::string>& to, std::string_view raw) {
    for (const auto& item : message::parse_address_list(raw)) {
      if (item.kind != message::AddressItem::kMailbox || item.domain.empty()) continue;
      std::string address = item.address();
      if (std::find(to.begin(), to.end(), address) == to.end()) to.push_back(std::move(address));
    }
  };
  for (const message::HeaderField& field : fields) {
    const std::string name = text::lowered(field.name);
    if (name == "to" || name == "cc" || name == "bcc") take(plain, field.raw_value);
    if (!name.starts_with("resent-")) {
      block_ended = block_ended || !in_block.empty();
      continue;
    }
    // A block has each field once: the second begins an older block.
    if (std::find(in_block.begin(), in_block.end(), name) != in_block.end()) block_ended = true;
    in_block.push_back(name);
    if (block_ended) continue;
    if (name == "resent-to" || name == "resent-cc" || name == "resent-bcc") take(resent, field.raw_value);
  }
  return resent.empty() ? plain : resent;
}

}  // namespace pabal::submission
