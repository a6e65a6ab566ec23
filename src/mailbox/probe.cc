#include "mailbox/probe.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::mailbox {
namespace {

using message::Needle;

bool in_list(const std::vector<message::AddressItem>& list, const Needle& needle) {
  return std::any_of(list.begin(), list.end(), [&](const message::AddressItem& item) {
    return needle.in(item.display_text() + " <" + item.address() + ">") || needle.in(item.display);
  });
}

template <typename T>
const T* taken(Result<std::optional<T>> found, std::optional<T>& into, std::optional<Error>& failure) {
  if (!found)
    failure = found.error();
  else
    into = std::move(*found);
  return into ? &*into : nullptr;
}

}  // namespace

const Message* Probe::message() {
  return message_ ? &*message_ : taken(boxes_->message(*r_, account_, id_), message_, failure_);
}

const Details* Probe::details() {
  return details_ ? &*details_ : taken(boxes_->details(*r_, account_, id_), details_, failure_);
}

const message::Summary* Probe::summary() {
  if (summary_) return &*summary_;
  const Details* all = details();
  return all ? &all->structure.summary : nullptr;
}

const std::string* Probe::body() {
  if (body_) return &*body_;
  const Message* m = message();
  if (!m) return nullptr;
  auto found = boxes_->body(*r_, m->body);
  if (!found && found.code() != Code::kNotFound) failure_ = found.error();
  if (found) body_ = std::move(*found);
  return body_ ? &*body_ : nullptr;
}

const std::string* Probe::head() {
  if (head_) return &*head_;
  if (!details() || !body()) return nullptr;
  head_ = details_->prefix + std::string(details_->structure.root.header(*body_));
  return &*head_;
}

bool Probe::in_subject(const Needle& needle) {
  const message::Summary* s = summary();
  return s && needle.in(message::decode_words(s->subject));
}

bool Probe::in_addresses(std::string_view field, const Needle& needle) {
  const message::Summary* s = summary();
  if (!s) return false;
  return in_list(field == "FROM" ? s->from : field == "TO" ? s->to : field == "CC" ? s->cc : s->bcc, needle);
}

bool Probe::in_header(std::string_view field, const Needle& needle) {
  // Programs that put threads together ask for this one by the thousand; it is at hand.
  if (text::iequals(field, "Message-ID") && !needle.empty())
    if (const message::Summary* s = summary(); s && needle.in(s->message_id)) return true;
  const std::string* all = head();
  if (!all) return false;
  for (const message::HeaderField& f : message::header_fields(*all))
    if (text::iequals(f.name, field) && needle.in(message::decode_words(f.raw_value))) return true;
  return false;
}

bool Probe::in_whole_header(const Needle& needle) {
  const std::string* all = head();
  if (!all) return false;
  if (needle.in(message::clean_utf8(*all))) return true;
  for (const message::HeaderField& f : message::header_fields(*all))
    if (needle.in(message::decode_words(f.raw_value))) return true;
  return false;
}

bool Probe::in_text(const Needle& needle) {
  const Details* all = details();
  return all && body() && in_part(all->structure.root, needle);
}

bool Probe::in_part(const message::Part& part, const Needle& needle) {
  if (part.is_text() && part.children.empty() && needle.in(message::part_text(*body_, part))) return true;
  if (const std::string name = part.filename(); !name.empty() && needle.in(name)) return true;
  if (part.summary && (needle.in(message::decode_words(part.summary->subject)) || in_list(part.summary->from, needle)))
    return true;
  return std::any_of(part.children.begin(), part.children.end(),
                     [&](const message::Part& child) { return in_part(child, needle); });
}

}  // namespace pabal::mailbox
