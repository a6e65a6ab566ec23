// The message as a running script sees it: as received, with what the script has changed (RFC 5293, RFC 5703).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "message/message.h"

namespace pabal::sieve {

class Letter {
 public:
  // `bytes` must outlive it; `parsed` too, or null.
  Letter(std::string_view bytes, const message::Message* parsed);

  // Header fields of the message, edits included; valid until the next edit.
  const std::vector<message::HeaderField>& fields() const { return fields_; }
  size_t header_octets() const { return header().size(); }
  size_t size() const;  // octets of the message with its edits

  // The MIME tree: of the message before edits of parts in a loop that has not ended. Offsets are into bytes().
  const message::Part& root() const { return parsed_->root; }
  std::string_view bytes() const { return bytes_; }
  // Fields of a part; of the root with edits.
  std::vector<message::HeaderField> fields(const message::Part& part) const;

  // RFC 5293 §4. `line` is a whole field with its line end.
  void add_field(std::string_view line, bool last);
  void remove_field(const message::HeaderField& field);  // of fields()

  // Puts an entity (header, blank line, body) in the place of a part that is not the root. root() and bytes() stay as
  // they are until settle().
  void replace_part(const message::Part& part, std::string entity);
  // Another header (with its blank line) and body; of root() and bytes() the same holds.
  void rewrite(std::string header, std::string body);
  void settle();

  // The message as it is now, whole.
  std::string whole() const;
  // The same; null when nothing was changed. The same object until the next edit.
  std::shared_ptr<const std::string> snapshot();

 private:
  std::string_view header() const { return edited_header_ ? std::string_view(*edited_header_) : original_header_; }
  std::string_view original_body() const { return bytes_.substr(original_header_.size()); }
  void adopt(std::string_view bytes);
  void header_changed();

  std::string_view bytes_;  // the base: what the tree is of
  std::shared_ptr<const std::string> owned_;
  message::Message own_parse_;
  const message::Message* parsed_;
  std::string_view original_header_;  // of the base
  std::optional<std::string> edited_header_, edited_body_;
  std::vector<message::HeaderField> fields_;
  struct Replacement {
    size_t offset, size;
    std::string entity;
  };
  std::vector<Replacement> replacements_;  // of the base's body
  bool changed_ = false;
  std::shared_ptr<const std::string> snapshot_;
};

}  // namespace pabal::sieve
