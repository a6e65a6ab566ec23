// What the values in a script may be: checked when it is compiled if they are constant, and again when it runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pabal::sieve {

bool is_header_name(std::string_view name);  // RFC 5322 §3.6.8
// RFC 5228 §5.1: the address test is for fields that hold addresses: the standard ones, and all that are named like
// them (Delivered-To, X-Forwarded-From).
bool is_address_header(std::string_view name);

// RFC 5228 §2.4.2.3: one address, alone or with a display name: its addr-spec. Nothing when it is none, or several.
std::optional<std::string> single_address(std::string_view text);

// RFC 5232 §2: a flag that IMAP lets a client set, in its usual spelling. Nothing for others (\Recent).
std::optional<std::string> canonical_flag(std::string_view flag);
// Flags in a list of texts, each with one or more, blanks between them; invalid ones left out, each once.
std::vector<std::string> flag_list(const std::vector<std::string>& texts);

bool is_mailbox_name(std::string_view name);  // not empty, UTF-8, no control characters, not too long

enum class Relation : unsigned char { kGt, kGe, kLt, kLe, kEq, kNe };
std::optional<Relation> parse_relation(std::string_view text);  // RFC 5231 §3
bool holds(Relation relation, int order);                       // order: as of strcmp

// A reference "${name}" of RFC 5229 §3.
struct Reference {
  size_t begin = 0, end = 0;  // in the text, the braces included
  std::string space;          // of the name, in lower case; "": none
  std::string name;           // in lower case; of a match variable "": then `number`
  unsigned number = 0;
};
// The first in `text` at or behind `from`.
std::optional<Reference> next_reference(std::string_view text, size_t from);

// RFC 5228 §2.4.2.4: "${hex:...}" and "${unicode:...}" replaced. Nothing when a number is no character.
std::optional<std::string> decode_characters(std::string_view text);

}  // namespace pabal::sieve
