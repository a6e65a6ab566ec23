#include "sieve/letter.h"

#include <algorithm>

namespace pabal::sieve {

Letter::Letter(std::string_view bytes, const message::Message* parsed) : bytes_(bytes), parsed_(parsed) {
  if (!parsed_) {
    own_parse_ = message::parse(bytes_);
    parsed_ = &own_parse_;
  }
  original_header_ = parsed_->root.header(bytes_);
  header_changed();
}

void Letter::adopt(std::string_view bytes) {
  bytes_ = bytes;
  own_parse_ = message::parse(bytes_);
  parsed_ = &own_parse_;
  original_header_ = parsed_->root.header(bytes_);
  edited_header_.reset();
  edited_body_.reset();
  replacements_.clear();
  changed_ = true;
  header_changed();
}

void Letter::header_changed() {
  fields_ = message::header_fields(header());
  snapshot_.reset();
}

size_t Letter::size() const { return header().size() + (edited_body_ ? edited_body_->size() : original_body().size()); }

std::vector<message::HeaderField> Letter::fields(const message::Part& part) const {
  return &part == &root() ? fields_ : message::header_fields(part.header(bytes_));
}

void Letter::add_field(std::string_view line, bool last) {
  std::string next(header());
  size_t at = 0;
  if (last && !fields_.empty()) at = fields_.back().offset + fields_.back().size;
  std::string inserted(line);
  // A last field that the message's end cut off has no line end.
  if (at > 0 && next[at - 1] != '\n') inserted.insert(0, "\r\n");
  // A body without header needs the blank line from now on.
  if (fields_.empty() && header().empty()) inserted += "\r\n";
  next.insert(at, inserted);
  edited_header_ = std::move(next);
  changed_ = true;
  header_changed();
}

void Letter::remove_field(const message::HeaderField& field) {
  std::string next(header());
  next.erase(field.offset, field.size);
  edited_header_ = std::move(next);
  changed_ = true;
  header_changed();
}

void Letter::replace_part(const message::Part& part, std::string entity) {
  replacements_.push_back({part.header_offset, size_t{part.header_size} + part.body_size, std::move(entity)});
  changed_ = true;
  snapshot_.reset();
}

void Letter::rewrite(std::string header, std::string body) {
  edited_header_ = std::move(header);
  edited_body_ = std::move(body);
  replacements_.clear();
  changed_ = true;
  header_changed();
}

void Letter::settle() {
  if (replacements_.empty() && !edited_body_) return;
  auto next = std::make_shared<const std::string>(whole());
  adopt(*next);
  owned_ = std::move(next);
}

std::string Letter::whole() const {
  std::string out(header());
  if (edited_body_) return out += *edited_body_;
  // Of a part and one inside it the outer replacement wins; of two for one part the later.
  std::vector<const Replacement*> order;
  for (const Replacement& r : replacements_) order.push_back(&r);
  std::sort(order.begin(), order.end(), [](const Replacement* a, const Replacement* b) {
    if (a->offset != b->offset) return a->offset < b->offset;
    return a->size != b->size ? a->size > b->size : a < b;
  });
  size_t done = original_header_.size();
  for (size_t i = 0; i < order.size(); ++i) {
    const Replacement& r = *order[i];
    const bool again = i + 1 < order.size() && order[i + 1]->offset == r.offset && order[i + 1]->size == r.size;
    if (again || r.offset < done) continue;
    out.append(bytes_.substr(done, r.offset - done)).append(r.entity);
    done = r.offset + r.size;
  }
  return out.append(bytes_.substr(done));
}

std::shared_ptr<const std::string> Letter::snapshot() {
  if (!changed_) return nullptr;
  if (!snapshot_) snapshot_ = std::make_shared<const std::string>(whole());
  return snapshot_;
}

}  // namespace pabal::sieve
