// Addresses: the strict ones of the envelope (RFC 5321) and the lenient lists of header fields (RFC 5322).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pabal::message {

// An envelope address. `local` is unquoted; `domain` is in lower case, U-labels as given (NFC), or a literal
// "[192.0.2.1]".
struct Address {
  std::string local;
  std::string domain;
  std::string text() const;  // local part quoted when it needs it; "" for the null address
  bool operator==(const Address&) const = default;
};

// RFC 5321 §4.1.2 Mailbox: dot-string or quoted-string local part, domain or address literal; RFC 6531 §3.3 with
// `allow_utf8`. Limits of §4.5.3.1 (local part 64, domain 255 octets in A-label form). No blanks, comments or routes.
std::optional<Address> parse_addr_spec(std::string_view text, bool allow_utf8);

// The domain in A-labels, lower case (UTS #46 non-transitional, IDNA 2008), for DNS and comparison; a literal is
// given back as it is; "" when it is not a domain.
std::string ascii_domain(const Address& address);
std::string ascii_domain(std::string_view domain);
// A-labels shown as U-labels where they decode; others as they are.
std::string unicode_domain(std::string_view domain);

// One entry of an address field, in the form IMAP's ENVELOPE wants (RFC 3501 §7.4.2, RFC 9051 §7.5.2).
struct AddressItem {
  enum Kind : unsigned char { kMailbox, kGroupStart, kGroupEnd };
  Kind kind = kMailbox;
  std::string display;  // raw phrase, unquoted, not decoded; of a group its name; comment when there is no phrase
  std::string local;    // unquoted
  std::string domain;   // as written, literals with their brackets; empty when there was none
  bool operator==(const AddressItem&) const = default;

  std::string display_text() const;  // RFC 2047 decoded UTF-8
  std::string address() const;       // local@domain, quoted when needed; "local" alone when there is no domain
};

// RFC 5322 §3.4 with the obsolete forms of §4.4 (routes, empty list members, comments and blanks anywhere), and what is
// seen in the wild (unquoted dots and 8-bit names, missing brackets, semicolons between addresses). Never fails.
std::vector<AddressItem> parse_address_list(std::string_view raw);

// The first mailbox of a list that has a domain, as an envelope address.
std::optional<Address> first_address(const std::vector<AddressItem>& list);

// RFC 5256 §2.1: the subject (raw; encoded words are decoded) without Re:, Fwd:, (fwd), [list] and the
// like, blanks folded.
std::string base_subject(std::string_view subject);
// The same step's finding: base_subject removed a reply or forward mark.
bool is_reply_subject(std::string_view subject);

}  // namespace pabal::message
